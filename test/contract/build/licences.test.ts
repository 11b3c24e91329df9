import { expect, it } from 'vitest';
import { makeNotices } from '../../../build/licences/notices.ts';

it('has the notices of every part in this very binary, those of Apache-2.0 and of OpenSSL among them, and the GPL', async () => {
  const { licence, whole, terms, parts } = await makeNotices();
  expect({ licence, whole }).toEqual({ licence: 'GPL-2.0-or-later', whole: 'GPL-3.0-or-later' });
  expect(terms).toMatch(/GNU GENERAL PUBLIC LICENSE\s+Version 3[^]*END OF TERMS AND CONDITIONS/);
  const named = new Map(parts.map((part) => [part.name, part]));
  for (const name of ['human-signals', 'reflect-metadata']) expect(named.get(name)?.notice).toContain('Apache License');
  expect(named.get('Node.js')?.contains).toContainEqual({ name: 'OpenSSL', licence: 'Apache-2.0' });
  expect(named.get('Node.js')?.notice).toContain('OpenSSL, located at deps/openssl');
  for (const { notice } of parts) expect(notice).toMatch(/copyright|permission/i);
  for (const name of ['vitest', 'esbuild', 'typescript']) expect(named.has(name)).toBe(false);
});
