import { expect, it } from 'vitest';
import { memoryHost } from '../../../../../src/host/memory.ts';
import type { HostFacts } from '../../../../../src/server/admin/adopt/host-facts.ts';
import { findInstances } from '../../../../../src/server/admin/adopt/instances.ts';
import { planNode } from '../../../../../src/server/admin/adopt/node-file.ts';

const FACTS: HostFacts = {
  ...{
    hostname: 'farm3',
    identity: '',
    system: '',
    arch: 'aarch64',
    timezone: 'Europe/Berlin',
    user: 'pi',
    group: 'pi',
    home: '/home/pi',
  },
  ...{
    macs: ['b8:27:eb:12:34:56'],
    programs: new Set<string>(),
    realPaths: new Map<string, string>(),
    units: [],
    environments: [],
    links: [],
    crontab: '',
    others: [],
  },
  folders: ['/home/pi/printer_data'],
};
const OVERLAYS = '/home: { kind: tmpfs }\n';

async function plan(files: Readonly<Record<string, string>>, { node = 'print07', gcodeBytes = 0, facts = FACTS } = {}) {
  const named = Object.entries({ 'system/overlays.conf': OVERLAYS, ...files });
  const host = memoryHost({ files: Object.fromEntries(named.map(([name, text]) => [`/config.d/${name}`, text])) });
  const [instance] = findInstances(facts, [{ name: 'voron', folder: '~/printer_data' }]);
  if (!instance) throw new Error('there is one');
  return await planNode(host, '/config.d', { node, facts, printers: [{ instance, group: 'pi', gcodeBytes }] });
}

it('a new node is known by its wired card, and has its time zone and printers', async () => {
  const { file, before, after, printers } = await plan({});
  expect([file, before]).toEqual(['nodes/print07.conf', undefined]);
  expect(after).toBe(
    'node: print07\nmatch:\n  mac: b8:27:eb:12:34:56\nset:\n  etc:\n    hostname: farm3\n    timezone: Europe/Berlin\n  state:\n    printers:\n      voron: { data: /home/pi/printer_data, user: pi }\n',
  );
  expect(printers.get('voron')?.items.map(({ name, kind }) => [name, kind])).toEqual([
    ['database', 'snapshot'],
    ['gcode', 'mirror'],
    ['config', 'git'],
    ['variables', 'variables'],
  ]);
});

it('without a card it is known by the name of the host', async () => {
  expect((await plan({}, { facts: { ...FACTS, macs: [], timezone: '../../x' } })).after).toMatch(
    /^node: print07\nmatch:\n {2}hostname: farm3\nset:\n {2}etc:\n {4}hostname: farm3\n {2}state:/,
  );
});

it('gcode that is more than half of its quota gives it a larger one', async () => {
  expect((await plan({}, { gcodeBytes: 3 * 1024 ** 3 + 1 })).after).toContain('gcodeQuota: 7G');
  expect((await plan({}, { gcodeBytes: 2 ** 20 })).after).not.toContain('gcodeQuota');
});

it('the file of a node that is there keeps every line, and what it says of the printer counts', async () => {
  const text = '# ours\nnode: print07 # by hand\ngroups: []\n';
  const { after } = await plan({ 'nodes/print07.conf': text });
  expect(after.startsWith(text)).toBe(true);
  const said = `${text}set: { state: { printers: { voron: { data: /home/pi/printer_data, user: klipper } } } }\n`;
  const again = await plan({ 'nodes/print07.conf': said });
  expect([again.after, again.printers.get('voron')?.items[0]]).toEqual([
    said,
    expect.objectContaining({ owner: 'klipper' }),
  ]);
});

it('a node that stands in a file with others gets a file of its own beside it', async () => {
  const { file, after } = await plan({ 'nodes/print.conf': 'node: print[01-24]\n' });
  expect([file, after.split('\n').slice(0, 2)]).toEqual([
    'nodes/print07-printers.conf',
    ['group: print07-printers', 'nodes: print07'],
  ]);
});

it.each([
  [
    'the printer of another node',
    { 'nodes/a.conf': 'node: a\nset: { state: { printers: { voron: { data: /home/pi/x, user: pi } } } }\n' },
    'voron is a printer of a (nodes/a.conf)',
  ],
  [
    'the same printer elsewhere',
    { 'nodes/print07.conf': 'set: { state: { printers: { voron: { data: /home/pi/x, user: pi } } } }\n' },
    'has its data in /home/pi/x',
  ],
  ['a file of that name that names another', { 'nodes/print07.conf': 'node: x\n' }, 'names no node print07'],
  [
    'a system in which nothing can be written there',
    { 'system/overlays.conf': '{}\n' },
    '/home/pi/printer_data is read-only',
  ],
])('refuses %s', async (_title, files, why) => {
  await expect(plan(files)).rejects.toThrow(why);
});
