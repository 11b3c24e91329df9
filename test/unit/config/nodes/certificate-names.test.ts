import { expect, it } from 'vitest';
import { checkConfigDir } from '../../../../src/config/check/check.ts';
import { formatFault } from '../../../../src/config/check/fault.ts';
import { readConfigDir } from '../../../../src/config/config-dir.ts';
import { readTemplates } from '../../../../src/config/templates/template-set.ts';
import { configHost } from '../../../fixtures/config.ts';

async function check(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const host = configHost(files);
  const dir = await readConfigDir(host, '/config.d');
  return checkConfigDir(dir, await readTemplates(host, '/config.d')).faults.map(formatFault);
}
const names = (...list: readonly string[]) => `set: { identity: { names: [${list.join(', ')}] } }\n`;

it.each([
  ['a node that is called as servers are', { 'nodes/x.conf': 'node: server.statectl.internal\n' }],
  ['by the name of its file, in another case', { 'nodes/Server.Statectl.Internal.conf': 'match: { serial: "1" }\n' }],
  ['a further name', { 'nodes/print01.conf': names('server.statectl.internal') }],
  [
    'a further name of a group',
    { 'nodes/print01.conf': 'groups: [all]\n', 'nodes/all.conf': `group: all\n${names('a.STATECTL.internal')}` },
  ],
  [
    'a further name of every machine, where no node is named',
    { 'system/identity.conf': 'names: [server.statectl.internal]\n' },
  ],
])('config check refuses a machine the name of servers: %s', async (_, files: Record<string, string>) => {
  expect(await check(files)).toEqual([
    expect.stringMatching(/is a name of servers \(statectl\.internal\): no machine has it/),
  ]);
});

it('config check refuses addresses as names, of nodes and further ones', async () => {
  const files = { 'nodes/x.conf': 'node: 10.0.0.1\n', 'nodes/print01.conf': names('192.168.1.2') };
  expect(await check(files)).toEqual([
    'nodes/x.conf:1:1 10.0.0.1 is an address: a certificate names a machine by what it is called',
    'nodes/print01.conf:1:28 192.168.1.2 is an address: a certificate names a machine by what it is called',
  ]);
});

it('config check tells of a further name that is another node, at both', async () => {
  const files = { 'nodes/print01.conf': names('PRINT02'), 'nodes/print02.conf': 'match: { serial: "2" }\n' };
  expect(await check(files)).toEqual([
    'nodes/print02.conf:1:1 print02 is a name of print01, too: nodes/print01.conf:1:28',
    'nodes/print01.conf:1:28 PRINT02 is the name of another node (nodes/print02.conf): no other can have it',
  ]);
});

it('config check tells of a name that one file gives many, and that one of them is', async () => {
  const faults = await check({ 'nodes/print.conf': `node: print[01-03]\n${names('print01')}` });
  expect(faults).toContain(
    'nodes/print.conf:2:28 print01 is the name of another node (nodes/print.conf): no other can have it',
  );
});

it('config check tells of two nodes that call themselves the same, though in another case', async () => {
  const files = { 'nodes/print01.conf': names('web.lab'), 'nodes/print02.conf': names('Web.LAB') };
  expect(await check(files)).toEqual([
    'nodes/print01.conf:1:28 web.lab is said for another machine, too: nodes/print02.conf:1:28',
    'nodes/print02.conf:1:28 Web.LAB is said for another machine, too: nodes/print01.conf:1:28',
  ]);
});

it('config check tells of nodes whose names differ in case alone', async () => {
  const files = {
    'nodes/print01.conf': 'match: { serial: "1" }\n',
    'nodes/b.conf': 'node: Print01\nmatch: { serial: "2" }\n',
  };
  expect(await check(files)).toEqual([
    'nodes/b.conf:1:1 Print01 and print01 (nodes/print01.conf) differ in case alone: as names they are one',
    'nodes/print01.conf:1:1 print01 and Print01 (nodes/b.conf) differ in case alone: as names they are one',
  ]);
});

it('config check takes a name that one statement gives many machines: they share it on purpose', async () => {
  const files = {
    'nodes/print.conf': 'node: print[01-03]\ngroups: [web]\n',
    'nodes/web.conf': `group: web\n${names('web.lab')}`,
    'nodes/own.conf': `node: own\n${names('own', 'own.lab')}`,
  };
  expect(await check(files)).toEqual([]);
});
