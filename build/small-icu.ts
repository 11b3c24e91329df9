import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { execa } from 'execa';

/** Node is built with every locale, 31 MiB of the binary; its own `small-icu` build keeps these (tools/icu/icu_small.json). */
const KEPT_LOCALE = /^(root|en|en_.*|res_index|ucadata)\.\w+$/;
const LOCALE = /^[a-z]{2,3}(_\w+)?\.res$/;
/** Folders of which the locales above are kept; nothing is kept of the other folders. */
const FOLDERS = ['coll', 'curr', 'zone'];
const SHARED = ['pool.res', 'supplementalData.res', 'zoneinfo64.res', 'tzdbNames.res'];
/** Old encodings, name preparation, names of characters. */
const UNUSED = /\.(cnv|spp|cfu)$|^(cnvalias\.icu|genderList\.res|unames\.icu)$/;

/** Whether an item of ICU's data, as `icupkg -l` names it, is one that an English Node needs. */
export function isNeeded(item: string): boolean {
  const name = basename(item);
  const folder = item.slice(0, -name.length - 1);
  if (SHARED.includes(name) && (folder === '' || FOLDERS.includes(folder))) return true;
  if (folder) return FOLDERS.includes(folder) && KEPT_LOCALE.test(name);
  return !UNUSED.test(name) && (!LOCALE.test(name) || KEPT_LOCALE.test(name));
}

/** The header of ICU's common data, little-endian: its size, the magic, UDataInfo's size, …, its format (udata.h). */
const HEADER = Buffer.from('9000da271400000000000200436d6e44', 'hex');

/**
 * Leaves only English in the ICU data of this Node, in place: what is behind the smaller data becomes zeros, which
 * compress to nothing. `unstripped` is the same Node, which still says how long the data is.
 */
export async function keepEnglish(node: string, unstripped: string, work: string): Promise<void> {
  const symbols = await execa('nm', ['-S', '--defined-only', unstripped], { maxBuffer: 2 ** 28 });
  const [, size = '', symbol = ''] = /^\w+ (\w+) R (icudt\d+)_dat$/m.exec(symbols.stdout) ?? [];
  const binary = await readFile(node);
  const start = binary.indexOf(HEADER);
  if (!symbol || start < 0 || binary.indexOf(HEADER, start + 1) >= 0)
    throw new Error(`${unstripped} does not have its ICU data where Node's builds have it`);
  const whole = binary.subarray(start, start + Number.parseInt(size, 16));
  // icupkg takes the name of the data, which its items begin with, from that of the file; `l` is for little-endian.
  const file = `${symbol}l.dat`;
  await mkdir(`${work}/small`, { recursive: true });
  await writeFile(`${work}/${file}`, whole);
  const items = (await execa('icupkg', ['-l', `${work}/${file}`])).stdout.split('\n');
  await writeFile(`${work}/unneeded.txt`, `${items.filter((item) => !isNeeded(item)).join('\n')}\n`);
  await execa('icupkg', ['-r', `${work}/unneeded.txt`, `${work}/${file}`, `${work}/small/${file}`]);
  const small = await readFile(`${work}/small/${file}`);
  whole.fill(0);
  small.copy(whole);
  await writeFile(node, binary);
}
