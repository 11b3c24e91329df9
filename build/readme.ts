import { globSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { withTables } from './readme-tables.ts';

/** `npm run readme`: makes the tables of docs/reference anew from the program and its schemas. */
for (const path of globSync('docs/reference/*.md')) await writeFile(path, withTables(await readFile(path, 'utf8')));
