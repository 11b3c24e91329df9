import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { buildKeysCommand } from '../../../../src/commands/build/build-keys.ts';
import type { ListedKey } from '../../../../src/identity/keys/list-keys.ts';
import { keyPemOf, makeCertificate } from '../../../fixtures/identity/certificates.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'statectl-keys-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true });
});

/** Runs the verb as the shell would; what it printed to stdout. */
async function keys(...words: string[]): Promise<string> {
  let printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed += chunk;
    return true;
  });
  const verb = buildKeysCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {}, outputError: () => {} });
  try {
    const places = ['--keys', join(dir, 'k'), '--state', join(dir, 's')];
    await new Command('build').addCommand(verb).parseAsync(['keys', ...places, ...words], { from: 'user' });
  } finally {
    write.mockRestore();
  }
  return printed;
}
const listed = async () => JSON.parse(await keys('--list', '--json')) as readonly ListedKey[];
const roles = async () => (await listed()).map(({ key, role }) => `${key} ${role}`);
const given = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text, { mode: 0o600 });
  return join(dir, name);
};
const bringAuthority = async (name: string) => {
  const { pem, keyPem } = await makeCertificate({ name });
  return ['--cert', given(`${name}.pem`, pem), '--key', given(`${name}.key`, keyPem)];
};

describe('build keys', () => {
  it.each(['image first', 'CA first'])(
    'takes an image key and a CA of the admin, and makes the rest: %s',
    async (order) => {
      const ownKey = keyPemOf(generateKeyPairSync('ed25519').privateKey);
      const bring = [
        ['image', '--key', given('own.key', ownKey)],
        ['ca', ...(await bringAuthority('Lab'))],
      ];
      if (order === 'CA first') bring.reverse();
      for (const words of bring) await keys('--import', ...words);
      expect(readFileSync(join(dir, 'k/image.key'), 'utf8')).toBe(ownKey);
      const other = given('other.key', keyPemOf(generateKeyPairSync('ed25519').privateKey));
      await expect(keys('--import', 'image', '--key', other)).rejects.toMatchObject({ code: 'key-there' });
      expect(readFileSync(join(dir, 'k/ca.pem'), 'utf8')).toBe(readFileSync(join(dir, 'Lab.pem'), 'utf8'));
      for (const path of ['k/image.key', 's/keys/ca.key', 's/keys/bundle.key'])
        expect(statSync(join(dir, path)).mode & 0o777).toBe(0o600);
      expect(await roles()).toEqual(['image current', 'bundle current', 'ca current']);
    },
  );

  it('exchanges each, and lists what counts with its fingerprint', async () => {
    await keys('--import', 'ca', ...(await bringAuthority('Lab')));
    expect(await roles()).toEqual(['ca current']);
    await keys();
    const [before] = await listed();
    await keys('--rotate', 'image');
    await keys('--rotate', 'ca', ...(await bringAuthority('Other')));
    expect(readFileSync(join(dir, 'k/ca.next.pem'), 'utf8')).toBe(readFileSync(join(dir, 'Other.pem'), 'utf8'));
    await keys('--rotate', 'bundle');
    expect(await roles()).toEqual([
      ...['image current', 'image trusted', 'bundle current', 'bundle retired', 'ca current', 'ca trusted'],
    ]);
    await keys('--retire', 'image');
    await keys('--retire', 'ca');
    expect(readFileSync(join(dir, 'k/ca.pem'), 'utf8')).toBe(readFileSync(join(dir, 'Other.pem'), 'utf8'));
    expect(await roles()).toEqual([
      ...['image current', 'image retired', 'bundle current', 'bundle retired', 'ca current', 'ca retired'],
    ]);
    const retired = (await listed()).find(({ key, role }) => key === 'image' && role === 'retired');
    expect(retired?.fingerprint).toBe(before?.fingerprint);
    const [, row = ''] = (await keys('--list')).split('\n');
    expect(row).toMatch(/^image +current +([a-z2-7]{4}-){4}[a-z2-7]{4} +\d{4}-\d\d-\d\d +- +\/.*image\.pem$/);
  });

  it.each([
    ['a key for nothing', ['--key', '/x']],
    ['a CA without its certificate', ['--import', 'ca', '--key', '/x']],
    ['a CA without its key', ['--rotate', 'ca', '--cert', '/x']],
    ['nothing to take', ['--import', 'image']],
    ['a certificate of an image key', ['--import', 'image', '--key', '/x', '--cert', '/x']],
    ['a bundle key that is brought', ['--rotate', 'bundle', '--key', '/x']],
  ])('is refused %s', async (_, words) => {
    await expect(keys(...words)).rejects.toMatchObject({ code: 'usage' });
  });
});
