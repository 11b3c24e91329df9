import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConfigDir } from '../../../src/config/check/check.ts';
import { formatFault } from '../../../src/config/check/fault.ts';
import { readConfigDir } from '../../../src/config/config-dir.ts';
import { nodeContent } from '../../../src/config/nodes/node-content.ts';
import { readTemplates } from '../../../src/config/templates/template-set.ts';
import { configHost } from '../../fixtures/config.ts';
import { sized } from '../../fixtures/effort.ts';

/** What a template prints of metadata that is written so; the faults where it may not be. */
async function printed(text: string): Promise<string | readonly string[]> {
  const host = configHost({
    'nodes/n.conf': `metadata:\n  x: ${text}\nset: { etc: { templates: [t] } }\n`,
    'system/overlays.conf': '/etc: { kind: ramdisk }',
    'templates/t': '---\npath: /etc/x\n---\n[{{ metadata.x }}]',
  });
  const dir = await readConfigDir(host, '/config.d');
  const templates = await readTemplates(host, '/config.d');
  const faults = checkConfigDir(dir, templates).faults.map(formatFault);
  if (faults.length > 0) return faults;
  const result = nodeContent(dir, templates, dir.nodes.nodes.get('n'));
  return 'content' in result ? (result.content.files[0]?.content.slice(1, -1) ?? '') : result.faults.map(formatFault);
}

describe('metadata prints as it is written', () => {
  it.each([
    '1',
    '-3',
    '0.4',
    '1.5',
    'true',
    'false',
    'yes',
    'no',
    'on',
    '2026-11-29',
    '12:30',
    '1_000',
    '1.2.3',
    '0b11',
    'B12',
    '',
    '.',
    '1e',
    '9007199254740992',
    '100000000000000000000',
    '52:54:00',
  ])('%j', async (text) => {
    expect(await printed(text)).toBe(text);
  });

  it.each([
    '1.10',
    '12345e67',
    '+49123',
    '9007199254740993',
    '123456789012345678901234567890',
    '0x1F',
    '0o17',
    '0123',
    '.5',
    '5.',
    '1e3',
    '1E3',
    '-0',
    '-0.0',
    '.inf',
    '-.Inf',
    '.nan',
    '~',
    'null',
    'Null',
    'True',
    'FALSE',
    '1.0',
    '!!int "0x10"',
  ])('or is refused: %s', async (text) => {
    const faults = await printed(text);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(/^nodes\/n\.conf:2:3 .*would be .*: put it in quotes$/);
  });

  it.each(['"1.10"', "'~'", '"+49"', '!!str 1.10'])('in quotes everything prints: %s', async (text) => {
    expect(await printed(text)).toBe(text.replace('!!str ', '').slice(...(text.startsWith('!') ? [0] : [1, -1])));
  });

  it('whatever letters numbers are made of', { timeout: 60_000 }, async () => {
    const text = fc.oneof(
      fc.stringMatching(/^[-+]?[0-9._xoeEabfINinf]{1,12}$/),
      fc.double().map(String),
      fc.bigInt().map(String),
      fc.constantFrom('y', 'Y', 'TRUE', 'NULL', 'None', 'nil', '.NaN', '0X1F', '1__0', '1:30', '2001-01-01T00:00:00Z'),
    );
    await fc.assert(
      fc.asyncProperty(text, async (written) => {
        const found = await printed(written);
        if (typeof found === 'string') expect(found).toBe(written);
        else expect(found.join('\n')).toMatch(/put it in quotes/);
      }),
      { numRuns: sized(60, 3_000) },
    );
  });
});

describe('a fault in the file of a group', () => {
  const members = { 'nodes/n.conf': 'node: n[1-3]\ngroups: [p2]\n', 'nodes/m.conf': 'groups: [p2]\n' };
  const check = async (files: Readonly<Record<string, string>>) => {
    const host = configHost({ ...members, ...files });
    const dir = await readConfigDir(host, '/config.d');
    return checkConfigDir(dir, await readTemplates(host, '/config.d')).faults;
  };

  it.each([
    ['an unknown key', 'nodes/p2.conf', 'group: p2\nmemebers: n1\n'],
    ['YAML that is none, in a file of another name', 'nodes/printers.conf', 'group: p2\nset: {\n'],
    ['a key twice', 'nodes/g.conf', '{ group: p2, match: {}, match: {} }'],
    ['a hostlist that is none', 'nodes/p2.conf', 'group: p2\nnodes: "n["\n'],
    ['metadata that would print otherwise', 'nodes/x.conf', '"group": p2\nmetadata: { a: 1.10 }\n'],
    ['no word that says what it is', 'nodes/p2.conf', 'gruop: p2\n'],
    ['nothing that is text', 'nodes/p2.conf', '\0\ufffd: ['],
  ])('is told once, and not that there is no such group: %s', async (_what, file, text) => {
    const faults = await check({ [file]: text });
    expect(faults.filter((fault) => fault.file !== file)).toEqual([]);
    expect(faults.length).toBeGreaterThan(0);
    expect(new Set(faults.map(formatFault)).size).toBe(faults.length);
  });

  it('keeps its members from anything that is not the whole', async () => {
    const host = configHost({ ...members, 'nodes/p2.conf': 'group: p2\nmemebers: n1\n' });
    const dir = await readConfigDir(host, '/config.d');
    const result = nodeContent(dir, await readTemplates(host, '/config.d'), dir.nodes.nodes.get('n1'));
    expect(result).toMatchObject({ faults: [{ file: 'nodes/p2.conf', line: 2 }] });
  });

  it('and a group that nobody wrote is still missed', async () => {
    expect((await check({ 'nodes/p1.conf': 'group: p1\nx: 1' })).map(formatFault).join('\n')).toContain(
      'there is no group p2',
    );
  });
});
