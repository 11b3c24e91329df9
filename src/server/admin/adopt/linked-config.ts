import { shellQuote } from '../../../host/shell-line.ts';
import { LARGEST_CONFIG_FILE_BYTES } from '../../../protocol/state/config-files.ts';
import { fetchFar, wholeOf } from './far-files.ts';
import type { FarHost } from './far-host.ts';
import { type FarListing, listFar } from './far-listing.ts';

/** What a config has by links into the same home, without which Klipper does not start. */
export interface LinkedConfig {
  /** As the config calls them. */
  readonly files: ReadonlyMap<string, Buffer>;
  readonly links: readonly { readonly path: string; readonly target: string }[];
  /** What of it could not be read. */
  readonly missed: readonly string[];
}

const CONFIG_NAME = /\.(?:cfg|conf)$/;
const MOST_LINKS = 200;
const NO = 3;

/**
 * Reads links of a config: files, as those of Mainsail and timelapse, and folders with all that is a config in them, as those of
 * KAMP and Klippain. Nothing hidden, nothing of another place than the home, and nothing that is no config by its name. Throws what
 * `FarHost.run` throws.
 */
export async function readLinked(
  far: FarHost,
  home: string,
  folder: string,
  { left }: FarListing,
): Promise<LinkedConfig> {
  const files = new Map<string, Buffer>();
  const links: { path: string; target: string }[] = [];
  const missed: string[] = [];
  for (const { path, target } of left.filter((one) => one.target !== undefined).slice(0, MOST_LINKS)) {
    if (target === undefined) continue;
    const most = LARGEST_CONFIG_FILE_BYTES + 1;
    // Of a folder one letter says that it may be looked into: not one that the config is in, which has no end.
    const script = `file=$(readlink -f ${shellQuote(`${folder}/${path}`)}) || exit ${NO}
case $file in ${shellQuote(home)}/.* | */.*/* | */.*) exit ${NO} ;; ${shellQuote(home)}/*) ;; *) exit ${NO} ;; esac
if [ -d "$file" ]; then
  case $(cd ${shellQuote(folder)} && pwd -P)/ in "$file"/*) exit ${NO} ;; esac
  printf d; exit 0
fi
case $file in *.cfg | *.conf) ;; *) exit ${NO} ;; esac
[ -f "$file" ] || exit ${NO}
printf f; exec head -c ${most} "$file"`;
    const said = await far.read(script, most + 1, { good: [0, 1, NO] });
    const [kind, bytes] = [said.toString('latin1', 0, 1), said.subarray(1)];
    if (kind === 'f' && CONFIG_NAME.test(path) && bytes.length > 0 && bytes.length < most) {
      files.set(path, bytes);
      links.push({ path, target });
    }
    if (kind !== 'd') continue;
    const below = `${folder}/${path}`;
    const listing = await listFar(far, below);
    const wanted = listing.files.filter(
      (file) => CONFIG_NAME.test(file.path) && file.sizeBytes <= LARGEST_CONFIG_FILE_BYTES,
    );
    if (wanted.length === 0) continue;
    links.push({ path, target });
    const fetched = await fetchFar(far, below, wanted, {
      start: async () => wholeOf,
      async settle(taken) {
        for (const [file, content] of taken) files.set(`${path}/${file.path}`, content);
      },
    });
    missed.push(...fetched.missed.map((name) => `${path}/${name}`));
  }
  return { files, links, missed };
}
