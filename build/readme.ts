import { readFile, writeFile } from 'node:fs/promises';
import { withTables } from './readme-tables.ts';

/** `npm run readme`: makes the tables of README.md anew from the program and its schemas. */
await writeFile('README.md', withTables(await readFile('README.md', 'utf8')));
