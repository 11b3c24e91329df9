import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { program } from '../../../src/cli.ts';
import { commandManual, configManual } from '../../../src/commands/manual.ts';
import { documentNames, documentText } from '../../../src/commands/manual-pages.ts';
import { PARTS } from '../../../src/config/config-dir.ts';
import { CONFIG_FILES } from '../../../src/config/settings/files.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';

/** The page as a person reads it. groff says on stderr, and by its status, what it does not understand. */
function read(page: string): string {
  const groff = ['-man', '-ww', '-Kutf8', '-Tutf8', '-P-cbou', '-rLL=200n'];
  return execFileSync('sh', ['-c', `exec groff ${groff.join(' ')} 2>&1`], { input: page, encoding: 'utf8' });
}

describe('the manual', () => {
  it('of the program names every verb and option, and groff has no complaint', () => {
    const text = read(commandManual(program()));
    expect(text).not.toMatch(/warning|error:/);
    for (const words of [
      'statectl build image',
      'statectl config check',
      'statectl node render <name> [file]',
      '--json',
    ])
      expect(text).toContain(words);
    for (const command of program().commands) expect(text).toContain(`statectl ${command.name()}`);
  });

  it('of config.d names every file, and groff has no complaint', () => {
    const text = read(configManual());
    expect(text).not.toMatch(/warning|error:/);
    for (const part of PARTS) {
      expect(text).toContain(CONFIG_FILES[part].path);
      expect(text).toContain(CONFIG_FILES[part].override);
    }
  });
});

describe('the documents of docs/', () => {
  const host = linuxHost();

  it('are pages by their place there, in the order in which one reads them', async () => {
    const names = await documentNames(host);
    expect(names[0]).toBe('start/first-boot');
    expect(names).toEqual([...new Set(names)]);
    expect(names.toSorted()).toEqual(
      globSync('docs/**/*.{md,json}')
        .map((path) => path.replace(/^docs\/|\.md$/g, ''))
        .toSorted(),
    );
    expect(await documentText(host, 'guide/secrets', [])).toBe(readFileSync('docs/guide/secrets.md', 'utf8'));
  });

  it('have names that are suggested where one is spelt otherwise, or half', async () => {
    const hintFor = (name: string) =>
      documentText(host, name, ['statectl']).catch((error) => `${error.code} ${error.hint}`);
    expect(await hintFor('guide/secret')).toBe('usage did you mean guide/secrets? `statectl manual --list` names all');
    expect(await hintFor('lab')).toContain('did you mean start/lab?');
    expect(await hintFor('../guide/secrets')).not.toContain('# Secrets');
    expect(await hintFor('quite something else')).toBe('usage `statectl manual --list` names all');
  });
});
