import { expect, it } from 'vitest';
import { checkConfigDir } from '../../../src/config/check/check.ts';
import { readConfigDir } from '../../../src/config/config-dir.ts';
import { readTemplates } from '../../../src/config/templates/template-set.ts';
import { configHost } from '../../fixtures/config.ts';
import { cpuMs, sized } from '../../fixtures/effort.ts';

/** Where each is compared with each, the many take minutes, and a fifth of them a twenty-fifth of those. */
const [MANY, LISTED, LARGE] = [sized(1_600, 8_000), sized(2_000, 9_000), 8_000];
const MOST_MS = sized(2_000, 25_000);
const list = (count: number, item: (at: number) => string, between = ', '): string =>
  Array.from({ length: count }, (_, at) => item(at)).join(between);
const letters = (at: number): string =>
  [at, at / 26, at / 676].map((n) => 'abcdefghijklmnopqrstuvwxyz'[~~n % 26]).join('');

it.each([
  [
    'one match of many machines',
    { 'nodes/n.conf': `node: n[1-${MANY}]\nmatch: { uuid: 4c4c4544-0042-3510-8052-b4c04f4e4d32 }` },
    `one match cannot tell ${MANY} machines apart`,
  ],
  [
    'one MAC address of many machines',
    { 'nodes/n.conf': `node: n[1-${LISTED}]\nmacs: { ${list(LISTED, (at) => `n${at + 1}: 52:54:00:12:34:56`)} }` },
    'both match one machine',
  ],
  ['one name of many machines', { 'nodes/n.conf': `node: n[1-${MANY}]\nset: { identity: { names: [x.lab] } }` }, ''],
  [
    'many groups of many machines',
    { 'nodes/n.conf': `node: n[1-${LARGE}]\ngroups: [${list(10_000, (at) => `g${at}`)}]` },
    'says too much for 8000 machines together',
  ],
  [
    'many values of many members',
    {
      'nodes/g.conf': `group: g\nnodes: n[1-${LARGE}]\nset: { boot: { arguments: [${list(9_000, (at) => `a${at}`)}] } }`,
    },
    'says too much for 8000 machines together',
  ],
  [
    'much that is taken out, and is not there',
    {
      'nodes/g.conf': `group: g\nnodes: n\nset: { boot: { arguments: [${list(LISTED, (at) => `argument${at}x`)}] } }`,
      'nodes/n.conf': `set: { boot: { arguments: [${list(LISTED, (at) => `~argumant${at}y`)}] } }`,
    },
    'did you mean "~argument0x"?',
  ],
  [
    'many members that are no nodes',
    {
      'nodes/g.conf': `group: g\nnodes: '${list(MANY, (at) => `printer${letters(at)}yyy`, ',')}'`,
      'nodes/n.conf': `node: '${list(MANY / 4, (at) => `printer${letters(at)}zzzz`, ',')}'`,
    },
    '',
  ],
  [
    'a bridge of many cards',
    {
      'system/network.conf': `interfaces: { b: { kind: bridge, members: [${list(MANY, (at) => `e${at}`)}] }, ${list(MANY, (at) => `e${at}: {}`)} }`,
    },
    '',
  ],
])(
  'a config.d with %s is checked in the time that its lists take',
  async (_what, files, fault) => {
    const host = configHost({ 'system/overlays.conf': '/etc: { kind: ramdisk }', ...files });
    let told = '';
    const took = await cpuMs(async () => {
      const dir = await readConfigDir(host, '/config.d');
      const { faults } = checkConfigDir(dir, await readTemplates(host, '/config.d'));
      told = faults.map(({ message }) => message).join('\n');
    });
    if (fault === '') expect(told).not.toContain('says too much');
    else expect(told).toContain(fault);
    expect(took).toBeLessThan(MOST_MS);
  },
  120_000,
);
