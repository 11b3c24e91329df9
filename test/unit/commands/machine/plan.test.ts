import { afterEach, describe, expect, it, vi } from 'vitest';
import { printPlan } from '../../../../src/commands/machine/plan.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { FACTS } from '../../../../src/machine/paths.ts';
import { createFacts } from '../../../fixtures/facts.ts';

afterEach(() => vi.restoreAllMocks());

const NO_LINE = '{"words":[],"forInit":[]}';

/** What `statectl boot --plan` prints, and what it asked of the machine. */
async function plan(files: Record<string, string>, options: Partial<Parameters<typeof printPlan>[1]> = {}) {
  let printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed += chunk;
    return true;
  });
  const host = memoryHost({ files });
  const exit = await printPlan(host, { json: false, ...options });
  return { exit, printed, calls: host.calls };
}

describe('boot --plan', () => {
  it('prints the steps of a boot, each with the command that does it, and touches nothing', async () => {
    const { exit, printed, calls } = await plan({
      [FACTS]: JSON.stringify(createFacts({ config: { overlays: {}, tmpfs: {} } })),
    });
    expect(exit).toBe(0);
    expect(calls).toEqual([]);
    expect(printed.split('\n').filter((line) => line.startsWith('# ') && !line.includes(' ', 2))).toEqual([
      '# devices',
      '# network',
      '# update',
      '# mount',
      '# install',
      '# handover',
    ]);
    expect(printed).toContain(
      '# squashfs on /run/statectl/image from /run/initramfs/image/root.squashfs\nmount -t squashfs -o ro,loop /run/initramfs/image/root.squashfs /run/statectl/image\n',
    );
    expect(printed.trimEnd().split('\n').at(-1)).toBe('exec switch_root /sysroot /sbin/init');
  });

  it('reads the facts of another machine with --facts', async () => {
    const { printed } = await plan(
      { '/tmp/facts.json': JSON.stringify(createFacts({ init: { path: '/bin/busybox', arguments: [] } })) },
      { factsFile: '/tmp/facts.json' },
    );
    expect(printed).toContain('exec switch_root /sysroot /bin/busybox');
  });

  it('prints JSON for machines', async () => {
    const { printed } = await plan({ [FACTS]: JSON.stringify(createFacts()) }, { json: true });
    expect(JSON.parse(printed)[0]).toEqual({
      phase: 'devices',
      step: { kind: 'coldplug' },
      text: 'load the drivers of the devices that are there',
      command: expect.stringContaining('modprobe'),
    });
  });

  it.each<[string, string | undefined, string]>([
    ['no facts', undefined, 'facts-missing'],
    ['half a file', '{"commandLine": [', 'facts-invalid'],
    ['null', 'null', 'facts-invalid'],
    ['a list', '[]', 'facts-invalid'],
    ['facts of a boot that failed before its config phase', `{"commandLine":${NO_LINE}}`, 'facts-invalid'],
    ['a config that is null', `{"commandLine":${NO_LINE},"config":null,"machine":{}}`, 'facts-invalid'],
    ...[
      [{ origin: '/proc/cmdline', text: 'quiet' }],
      [],
      {},
      { words: 'quiet', forInit: [] },
      { words: [null], forInit: [] },
      { words: [{ raw: 'quiet' }], forInit: [] },
      { words: [] },
    ].map((commandLine): [string, string, string] => [
      `facts of another version, with the command line ${JSON.stringify(commandLine)}`,
      JSON.stringify({ ...createFacts(), commandLine }),
      'facts-invalid',
    ]),
    [
      'facts of a boot that did not come to its mount phase',
      JSON.stringify({ ...createFacts(), tree: undefined }),
      'facts-incomplete',
    ],
    ['facts of a boot that found no root', JSON.stringify(createFacts({ offer: undefined })), 'root-missing'],
  ])('says what to do with %s', async (_title, text, code) => {
    await expect(plan(text === undefined ? {} : { [FACTS]: text })).rejects.toMatchObject({
      code,
      hint: expect.any(String),
    });
  });
});
