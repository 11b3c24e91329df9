import { globSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { referencePages } from './reference/reference.ts';

/** `npm run readme`: makes docs/reference anew from the program, its schemas and its source. */
const pages = referencePages();
for (const path of globSync('docs/reference/**/*.{md,json}')) if (!pages.has(path)) await rm(path);
for (const [path, text] of pages) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
