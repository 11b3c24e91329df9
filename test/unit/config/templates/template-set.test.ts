import { describe, expect, it } from 'vitest';
import { LARGEST_TEMPLATE_BYTES, readTemplates, templateSet } from '../../../../src/config/templates/template-set.ts';
import { memoryHost } from '../../../../src/host/memory.ts';

const at = (files: Record<string, string | object>) =>
  memoryHost({
    files: Object.fromEntries(Object.entries(files).map(([name, seed]) => [`/c/templates/${name}`, seed])) as never,
  });

describe('config.d/templates', () => {
  it('is every regular file by its name, without README, examples, golden cases and editors’ copies', async () => {
    const host = at({
      motd: 'a',
      'klipper/printer.cfg': 'b',
      'lib/README.cfg': 'c',
      README: '',
      'lib/README.md': '',
      'examples/motd': '',
      'klipper/golden/x/context.json': '{}',
      'motd~': '',
      '.motd.swp': '',
      '#motd#': '',
    });
    expect(await readTemplates(host, '/c')).toEqual({
      texts: { motd: 'a', 'klipper/printer.cfg': 'b', 'lib/README.cfg': 'c' },
      faults: [],
    });
  });

  it('may be missing', async () => {
    expect(await readTemplates(memoryHost(), '/c')).toEqual({ texts: {}, faults: [] });
  });

  it('takes no symlink, no giant and no binary file, and says so; the others stay', async () => {
    const host = at({
      motd: 'a',
      shadow: { type: 'symlink', target: '/etc/shadow' },
      lib: { type: 'symlink', target: '/etc' },
      large: 'x'.repeat(LARGEST_TEMPLATE_BYTES + 1),
      binary: 'a\0b',
    });
    const { texts, faults } = await readTemplates(host, '/c');
    expect(texts).toEqual({ motd: 'a' });
    expect(faults.map(({ file, message }) => `${file} ${message}`)).toEqual([
      'templates/large larger than 256 KiB',
      'templates/lib is a symlink: only regular files are templates',
      'templates/shadow is a symlink: only regular files are templates',
      'templates/binary is binary: a template is a text',
    ]);
  });

  it('is no symlink itself', async () => {
    const host = memoryHost({ files: { '/c/templates': { type: 'symlink', target: '/etc' } } as never });
    expect((await readTemplates(host, '/c')).faults).toMatchObject([
      { file: 'templates', message: 'is a symlink, not a folder' },
    ]);
  });
});

describe('a set of templates from elsewhere', () => {
  it.each(['../motd', '/etc/motd', 'a/../../b', 'a//b', './a', '', 'a/', 'a\nb', 'a\\b', '\u202Ea'])(
    'refuses the name %j',
    (name) => {
      const { texts, faults } = templateSet([[name, 'x']]);
      expect(Object.keys(texts)).toEqual([]);
      expect(faults).toHaveLength(1);
    },
  );

  it('refuses what is not UTF-8, and has no byte order mark or Windows line ends', () => {
    expect(templateSet([['a', Buffer.from([0xff, 0xfe])]]).faults).toMatchObject([{ message: 'is not UTF-8' }]);
    expect(templateSet([['a', '\uFEFFx\r\ny\rz']]).texts).toEqual({ a: 'x\ny\rz' });
  });
});
