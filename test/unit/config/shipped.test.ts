import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PARTS } from '../../../src/config/config-dir.ts';
import { CONFIG_FILES } from '../../../src/config/settings/files.ts';
import { settingSchema } from '../../../src/config/settings/setting-schema.ts';
import { loadFiles, SHIPPED_FILES } from '../../fixtures/config.ts';

const DIR = join(import.meta.dirname, '../../../config.d');
const examples = readdirSync(DIR, { recursive: true, encoding: 'utf8' }).filter(
  (name) => dirname(name).endsWith('/examples') && name.endsWith('.conf'),
);
/** `examples/boot.print-host.conf` is an example of boot.conf, `cfstab.x.conf` of cfstab.conf. */
const fileOf = (example: string): string => {
  if (example.startsWith('nodes/')) return `nodes/${basename(example)}`;
  const all = PARTS.flatMap((part) => [CONFIG_FILES[part].path, CONFIG_FILES[part].override]);
  const stem = (path: string) => basename(path).replace(/\.conf$/, '');
  const fitting = all.filter((path) => basename(example).startsWith(`${stem(path)}.`));
  return fitting.toSorted((a, b) => stem(b).length - stem(a).length)[0] ?? 'none';
};

describe('every example', () => {
  it.each(examples)('%s is one of a file that there is, and passes', async (example) => {
    // Nodes name their groups.
    const together = example.startsWith('nodes/') ? examples.filter((other) => other.startsWith('nodes/')) : [example];
    const files = together.map((name) => [fileOf(name), readFileSync(join(DIR, name), 'utf8')]);
    expect(await loadFiles({ ...SHIPPED_FILES, ...Object.fromEntries(files) })).toBeDefined();
  });

  it('there is one of each file', () => {
    const shown = new Set(examples.map(fileOf));
    const missing = PARTS.filter(
      (part) => !shown.has(CONFIG_FILES[part].path) && !shown.has(CONFIG_FILES[part].override),
    );
    expect(missing).toEqual([]);
  });
});

describe('every file', () => {
  it.each(PARTS)('%s is shipped, with a comment that tells what it is for', (part) => {
    expect(readFileSync(join(DIR, CONFIG_FILES[part].path), 'utf8')).toMatch(/^# \w/);
  });

  it.each(PARTS)('%s describes each of its settings for tables, manual and editors', (part) => {
    const undescribed: string[] = [];
    const walk = (schema: ReturnType<typeof settingSchema>, path: string): void => {
      for (const one of schema.oneOf ?? schema.anyOf ?? [schema]) {
        for (const [key, property] of Object.entries(one.properties ?? {})) {
          if (property.const !== undefined) continue;
          if (!property.description && !property.properties) undescribed.push(`${path}.${key}`);
          if (property.properties) walk(property, `${path}.${key}`);
        }
        if (typeof one.additionalProperties === 'object') walk(one.additionalProperties, `${path}.*`);
      }
    };
    walk(settingSchema(CONFIG_FILES[part].schema), part);
    expect(undescribed).toEqual([]);
  });

  it.each(PARTS)('%s may be absent, empty, or in its override', async (part) => {
    const { path, override } = CONFIG_FILES[part];
    const [empty, over, none] = await Promise.all([
      loadFiles({ [path]: '' }),
      loadFiles({ [override]: '' }),
      loadFiles({}),
    ]);
    expect([empty, over]).toEqual([none, none]);
  });
});
