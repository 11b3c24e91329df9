import { describe, expect, it } from 'vitest';
import { formatFault } from '../../../../src/config/check/fault.ts';
import { differences, snapshotHost, takeSnapshot } from '../../../../src/config/history/snapshot.ts';
import { LARGEST_FILE_BYTES } from '../../../../src/config/tree/yaml-file.ts';
import type { Seed } from '../../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../../src/host/memory.ts';

const take = async (files: Readonly<Record<string, Seed>>) => {
  const below = Object.entries(files).map(([name, seed]) => [`/c/${name}`, seed] as const);
  const { snapshot, faults } = await takeSnapshot(memoryHost({ files: Object.fromEntries(below) }), '/c');
  return { files: [...snapshot], faults: faults.map(formatFault) };
};
const faultOf = async (name: string, seed: Seed) => {
  const { files, faults } = await take({ [name]: seed, 'a.conf': 'fine' });
  // What is at fault is not in it, and keeps nothing else out.
  expect(files).toEqual([['a.conf', 'fine']]);
  return faults;
};
const KEY = '-----BEGIN EC PRIVATE KEY-----\nMIGH\n-----END EC PRIVATE KEY-----\n';

describe('a snapshot of config.d', () => {
  it('has every text, however deep, and byte for byte', async () => {
    const files = {
      '#a#b': '',
      'a#b#': '',
      'a.conf': '\u{feff}ü\r\n',
      'nodes/b.conf': '',
      'templates/x/y/z': 'z#',
      'x#/b~c': '1',
    };
    expect(await take(files)).toEqual({ files: Object.entries(files), faults: [] });
  });

  it('has nothing hidden, and no copies of editors', async () => {
    const files = {
      '.git/config': 'x',
      '.a.swp': 'x',
      'nodes/a.conf~': 'x',
      '#a.conf#': 'x',
      'b~/c': 'x',
      '.d/e': 'x',
    };
    expect(await take(files)).toEqual({ files: [], faults: [] });
  });

  it.each([
    ['x', 'x:1:1 is a symlink: config.d holds files', { target: '/etc/shadow' }],
    ['nodes/x', 'nodes/x:1:1 is a fifo: config.d holds files', { type: 'fifo' }],
    ['system/boot.conf', 'system/boot.conf:1:1 is a folder: it must be a file', { type: 'dir' }],
    ['system/boot.conf/x', 'system/boot.conf:1:1 is a folder: it must be a file', 'text'],
    ['nodes/a.conf', 'nodes/a.conf:1:1 is a folder: it must be a file', { type: 'dir' }],
    ['nodes', 'nodes:1:1 is a file: it must be a folder', 'text'],
    ['templates', 'templates:1:1 is a file: it must be a folder', 'text'],
    ['system', 'system:1:1 is a file: it must be a folder', 'text'],
    ['controller', 'controller:1:1 is a file: it must be a folder', 'text'],
    ['controller/server', 'controller/server:1:1 is a file: it must be a folder', 'text'],
    ['x', 'x:1:1 is not UTF-8 text', Buffer.from([0x61, 0xff])],
    ['x', 'x:1:1 larger than', Buffer.alloc(LARGEST_FILE_BYTES + 1)],
    ['x', 'x:1:1 a private key: secrets never stand in config.d, name them with secret:NAME', KEY],
    ['x', 'x:3:1 a private key', `a: 1\nb: |\n ${KEY}`],
    ['x', 'x:1:1 a private key', '-----BEGIN PRIVATE KEY-----'],
  ] as const)('does not have %j, and says that it %s', async (name, said, seed) => {
    const [fault, ...more] = await faultOf(name, seed as Seed);
    expect(fault).toContain(said);
    expect(more).toEqual([]);
  });

  it('may have a certificate, which is no secret', async () => {
    const pem = '-----BEGIN CERTIFICATE-----\n-----BEGIN PUBLIC KEY-----\n';
    expect((await take({ 'x.pem': pem })).faults).toEqual([]);
  });

  it('leaves out what is removed while it is looked at', async () => {
    const host = memoryHost({ files: { '/c/a.conf': 'a', '/c/b.conf': 'b' } });
    const files = {
      ...host.files,
      stat: async (path: string) => (path === '/c/a.conf' ? undefined : host.files.stat(path)),
    };
    const { snapshot, faults } = await takeSnapshot({ files }, '/c');
    expect([[...snapshot], faults]).toEqual([[['b.conf', 'b']], []]);
  });

  it('can be read again as a folder, also an empty one', async () => {
    const { host, dir } = snapshotHost(new Map([['nodes/a.conf', 'a\n']]));
    expect(await host.files.readText(`${dir}/nodes/a.conf`)).toBe('a\n');
    const empty = snapshotHost(new Map());
    expect(await empty.host.files.list(empty.dir)).toEqual([]);
  });

  it('differs from another by the names that are in one alone, or have another text', () => {
    const from = new Map(Object.entries({ same: '1', changed: '1', gone: '' }));
    const to = new Map(Object.entries({ new: '', same: '1', changed: '2' }));
    expect(differences(from, to)).toEqual(['changed', 'gone', 'new']);
    expect(differences(from, from)).toEqual([]);
  });
});
