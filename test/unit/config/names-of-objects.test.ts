import { describe, expect, it } from 'vitest';
import { checkConfigDir } from '../../../src/config/check/check.ts';
import { formatFault } from '../../../src/config/check/fault.ts';
import { readConfigDir } from '../../../src/config/config-dir.ts';
import { effectiveOf } from '../../../src/config/effective.ts';
import { matchCount } from '../../../src/config/nodes/identity.ts';
import { contentFor, nodeContent } from '../../../src/config/nodes/node-content.ts';
import { readTemplates } from '../../../src/config/templates/template-set.ts';
import { identityOf } from '../../../src/protocol/machine-identity.ts';
import { machineFromQuery } from '../../../src/server/machine.ts';
import { configHost } from '../../fixtures/config.ts';

/** What every object of JavaScript has, or seems to. */
const NAMES = ['constructor', 'toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf'];

const load = async (files: Readonly<Record<string, string>>) => {
  const host = configHost({ 'system/overlays.conf': '/etc: { kind: ramdisk }', ...files });
  const dir = await readConfigDir(host, '/config.d');
  const templates = await readTemplates(host, '/config.d');
  return { dir, templates, faults: checkConfigDir(dir, templates).faults.map(formatFault) };
};

describe.each(NAMES)('a config.d can call anything %s', (name) => {
  it.each([
    ['a node', { [`nodes/${name}.conf`]: '' }],
    [
      'a node of a list, beside one with a MAC address',
      { 'nodes/a.conf': `node: 'a,${name}'\nmacs: { a: 52:54:00:00:00:01 }` },
    ],
    [
      'a group, and who is in it',
      { 'nodes/g.conf': `group: ${name}\nnodes: n1`, 'nodes/n1.conf': `groups: [${name}]` },
    ],
    [
      'metadata',
      {
        'nodes/n1.conf': `metadata: { ${name}: b12 }\nset: { etc: { templates: [motd] } }`,
        'templates/motd': `---\npath: /etc/motd\n---\n{{ metadata.${name} }}`,
      },
    ],
    [
      'a template',
      { [`templates/${name}`]: '---\npath: /etc/motd\n---\nx', 'system/etc.conf': `templates: [${name}]` },
    ],
    ['an interface', { 'system/network.conf': `interfaces: { ${name}: { mtu: 1500 } }` }],
    [
      'an image and a channel',
      { 'nodes/n1.conf': `set: { boot: { image: ${name} } }`, 'nodes/n2.conf': `set: { boot: { channel: ${name} } }` },
    ],
    ['a service', { 'controller/services/default-runlevel': `services: { ${name}: enabled }` }],
    ['a secret', { 'system/identity.conf': `secrets: { /etc/key: { secret: 'secret:${name}' } }` }],
    ['a label', { 'nodes/n1.conf': `match: { labels: { ${name}: x } }` }],
  ])('%s', async (_what, files: Readonly<Record<string, string>>) => {
    expect((await load(files)).faults).toEqual([]);
  });

  it('and a machine that claims to be called so gets what the node of that name gets, or what everybody does', async () => {
    const { dir, templates } = await load({ [`nodes/x${name}.conf`]: `match: { hostname: ${name} }` });
    for (const key of ['hostname', 'serial', 'arch', 'labels', 'uuid'])
      expect(contentFor(dir, templates, identityOf(machineFromQuery({ [key]: name })))).toHaveProperty('content');
    expect(matchCount({ labels: { [name]: 'x' } }, { macs: [], labels: {} })).toBeUndefined();
    expect(matchCount({ labels: { [name]: 'x' } }, identityOf(machineFromQuery({ labels: `${name}=x` })))).toBe(1);
  });

  it.each([
    [
      `system/network.conf`,
      `interfaces: { br0: { kind: bridge, members: [${name}] } }`,
      `there is no interface ${name}`,
    ],
    [`nodes/n.conf`, `groups: [${name}]`, `there is no group ${name}`],
    ['nodes/n.conf', `set: { etc: { templates: [${name}] } }`, `no template "${name}"`],
    ['nodes/n.conf', `match: { arch: ${name} }`, ''],
    ['nodes/n.conf', `set: { ${name}: { a: 1 } }`, `unknown key "${name}"`],
    ['system/network.conf', `${name}: 1`, `unknown key "${name}"`],
    ['templates/t', `---\npath: /etc/x\n---\n{{ "a" | ${name} }}`, 'filter'],
    ['templates/t', `---\npath: /etc/x\n---\n{% ${name} %}`, 'tag'],
    ['templates/t', `---\npath: /etc/x\nkind: ${name}\n---\n`, 'expected one of'],
  ])('but where there is none, it is told: %s %s', async (file, text, fault) => {
    const { faults } = await load({ [file]: text });
    expect(faults.join('\n')).toContain(fault);
  });
});

describe('the name __proto__', () => {
  it.each([
    ['nodes/n.conf', 'match: { hostname: n, labels: { __proto__: x } }'],
    ['nodes/n.conf', 'node: n\nmacs: { __proto__: 52:54:00:00:00:01 }'],
    ['system/network.conf', 'interfaces: { __proto__: { mtu: 1500 } }'],
    ['nodes/n.conf', 'set: { network: { interfaces: { __proto__: { mtu: 1500 } } } }'],
    ['nodes/n.conf', 'set: { __proto__: { mtu: 1500 } }'],
    ['nodes/__proto__.conf', ''],
  ])('is refused rather than lost: %s %s', async (file, text) => {
    expect((await load({ [file]: text })).faults.join('\n')).toContain('__proto__');
  });

  it('is metadata like any other', async () => {
    const { dir, templates, faults } = await load({
      'nodes/n.conf': 'metadata: { __proto__: b12 }\nset: { etc: { templates: [motd] } }',
      'templates/motd': '---\npath: /etc/motd\n---\n{{ metadata.__proto__ }}',
    });
    expect(faults).toEqual([]);
    expect(nodeContent(dir, templates, dir.nodes.nodes.get('n'))).toMatchObject({
      content: { files: [{ content: 'b12' }] },
    });
  });

  it('as a claim chooses nothing', async () => {
    const { dir } = await load({ 'nodes/n.conf': '' });
    for (const key of ['hostname', 'serial', 'arch', 'labels'])
      expect(effectiveOf(dir, undefined, identityOf(machineFromQuery({ [key]: '__proto__' }))).faults).toEqual([]);
  });
});
