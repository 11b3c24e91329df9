import { expect, test } from 'vitest';
import { renderChanges, sizeText, summarizeChanges } from '../../../src/changes/change-report.ts';
import type { Place, PlaceReport } from '../../../src/changes/changes.ts';
import type { Change } from '../../../src/changes/scan.ts';

const change = (mark: '+' | '~' | '-', path: string, sizeBytes = 0): Change => ({
  path: path.replace(/\/$/, ''),
  change: ({ '+': 'added', '~': 'changed', '-': 'deleted' } as const)[mark],
  what: path.endsWith('/') ? 'dir' : 'file',
  sizeBytes,
});

function report(place: Partial<Place>, changes: readonly Change[], limits: readonly string[] = []): PlaceReport {
  const count = (what: string) => changes.filter((each) => each.change === what).length;
  const bytes = changes.reduce((sum, each) => sum + (each.change === 'deleted' ? 0 : each.sizeBytes), 0);
  return {
    place: { mountPoint: '/var', kind: 'overlay', persistent: false, ...place },
    changes,
    totals: { added: count('added'), changed: count('changed'), deleted: count('deleted'), bytes },
    limits,
  };
}

const tmpfs = (added: number, bytes: number): PlaceReport => ({
  ...report({ mountPoint: '/tmp', kind: 'tmpfs' }, []),
  totals: { added, changed: 0, deleted: 0, bytes },
});

test('shows each place with the biggest change first', () => {
  const text = renderChanges([
    report(
      { mountPoint: '/etc', kind: 'ramdisk' },
      [
        change('~', '/etc/hosts', 340),
        change('-', '/etc/motd', 12),
        change('+', '/etc/wg/'),
        change('+', '/etc/wg/keys', 348_160),
      ],
      ['xattrs: unread (no getfattr)'],
    ),
    report({ mountPoint: '/root', persistent: true }, [{ ...change('+', '/root/b'), sameFileAs: '/root/a' }]),
    tmpfs(3, 1_258_291),
  ]);
  expect(text).toMatchInlineSnapshot(`
    "/etc (ramdisk): 2 added, 1 changed, 1 deleted, 340 KiB
      +  340 KiB  /etc/wg/keys
      ~    340 B  /etc/hosts
      -     12 B  /etc/motd
      +      0 B  /etc/wg/
      ! xattrs: unread (no getfattr)

    /root (overlay, survives a reboot): 1 added, 0 changed, 0 deleted, 0 B
      +      0 B  /root/b (same file as /root/a)

    /tmp (tmpfs): 3 files, 1.2 MiB
    "
  `);
});

test('beyond the limit, new and deleted directories stand for what is below them, and the rest is counted', () => {
  const many = [
    change('+', '/var/a/'),
    change('+', '/var/a/x', 1000),
    change('+', '/var/a/y/'),
    change('+', '/var/a/y/z', 24),
    change('-', '/var/b/'),
    change('-', '/var/b/old', 5),
    change('~', '/var/c', 3),
    change('~', '/var/d', 2),
    change('~', '/var/e', 1),
  ];
  const one = report({}, many);
  expect(renderChanges([one], { limit: 3 })).toMatchInlineSnapshot(`
    "/var (overlay): 4 added, 3 changed, 2 deleted, 1 KiB
      +    1 KiB  /var/a/ (4 paths)
      -      5 B  /var/b/ (2 paths)
      ~      3 B  /var/c
        and 2 paths more, each at most 2 B: --all shows them
    "
  `);
  expect(renderChanges([one], { limit: 3, all: true }).split('\n')).toHaveLength(many.length + 2);
});

test('writes names that a terminal would obey as bytes', () => {
  const text = renderChanges([report({}, [change('+', '/var/\x1b[2Jcaf\u00e9\n\\', 1)])]);
  expect(text).toContain('/var/\\x1b[2Jcaf\\xc3\\xa9\\x0a\\\\\n');
  expect(text).toMatch(/^[\n -~]*$/);
});

test('sums up in one line what would be lost, without the places that survive', () => {
  const lost = report({}, [change('+', '/var/a', 348_160), change('-', '/var/b', 99)]);
  const kept = report({ persistent: true }, [change('+', '/root/a', 5)]);
  expect(summarizeChanges([lost, kept, tmpfs(3, 1_258_291)])).toBe(
    'would be lost at a reboot: 2 paths, 340 KiB; plus 1.2 MiB in tmpfs',
  );
  expect(summarizeChanges([report({}, [change('~', '/var/a', 1)])])).toBe('would be lost at a reboot: 1 path, 1 B');
  expect(summarizeChanges([kept, tmpfs(0, 0)])).toBe('would be lost at a reboot: nothing');
});

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1536, '1.5 KiB'],
  [10_189, '10 KiB'],
  [1_048_575, '1 MiB'],
  [5_000_000_000, '4768 MiB'],
])('writes %d bytes as %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});
