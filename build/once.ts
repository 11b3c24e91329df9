import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';

/** Runs the maker unless its product was made from the same input; the stamp beside the product says from what. */
export async function once(product: string, input: string, make: () => Promise<unknown>): Promise<void> {
  const stamp = `${product}.made-from`;
  const made = await readFile(stamp, 'utf8').catch(() => '');
  if (made === input && (await stat(product).catch(() => undefined))) return;
  await rm(stamp, { force: true });
  await make();
  await writeFile(stamp, input);
}

/** Of the names and contents of these files and folders. */
export async function digestOf(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  const walk = async (path: string): Promise<void> => {
    if ((await stat(path)).isDirectory())
      for (const name of (await readdir(path)).sort()) await walk(`${path}/${name}`);
    else hash.update(path).update(await readFile(path));
  };
  for (const path of paths) await walk(path);
  return hash.digest('hex');
}
