import { dirname } from 'node:path/posix';
import type { Host } from '../../host/host.ts';
import { memoryHost } from '../../host/memory.ts';
import { ownersHost } from '../../host/owners-host.ts';
import { type ConfigFault, faultAt } from '../check/fault.ts';
import { CONFIG_FILES, NODE_FILE } from '../settings/files.ts';
import { readPlain } from '../tree/read-text.ts';

/** The texts of a config.d at one moment, by name below it. */
export type Snapshot = ReadonlyMap<string, string>;

const START = { line: 1, column: 1 };

const FILES = new Set(Object.values(CONFIG_FILES).flatMap(({ path, override }): string[] => [path, override]));
const FOLDERS = new Set(['nodes', 'templates', ...[...FILES].flatMap(foldersAbove)]);

function foldersAbove(file: string): readonly string[] {
  const above = dirname(file);
  return above === '.' ? [] : [above, ...foldersAbove(above)];
}

/**
 * Reads a whole work tree. What cannot be in a config.d (a link, a binary, a private key) is a fault, and is not in the
 * snapshot. Hidden files and editors' copies do not count.
 */
export async function takeSnapshot(
  host: Pick<Host, 'files'>,
  dir: string,
): Promise<{ readonly snapshot: Snapshot; readonly faults: readonly ConfigFault[] }> {
  const { files } = ownersHost(host, dir);
  const snapshot = new Map<string, string>();
  const faults: ConfigFault[] = [];
  const walk = async (prefix: string): Promise<void> => {
    for (const entry of await files.list(`${dir}/${prefix}`)) {
      if (/^\.|~$|^#.*#$/.test(entry)) continue;
      const file = prefix + entry;
      const stat = await files.stat(`${dir}/${file}`);
      // Removed since: so it is in no snapshot.
      if (stat === undefined) continue;
      if (stat.type === 'dir' && (FILES.has(file) || NODE_FILE.test(file)))
        faults.push(faultAt({ file, ...START }, 'is a folder: it must be a file'));
      else if (stat.type === 'file' && FOLDERS.has(file))
        faults.push(faultAt({ file, ...START }, 'is a file: it must be a folder'));
      else if (stat.type === 'dir') await walk(`${file}/`);
      else if (stat.type !== 'file')
        faults.push(faultAt({ file, ...START }, `is a ${stat.type}: config.d holds files`));
      else {
        const read = await readPlain(files, `${dir}/${file}`);
        if (typeof read === 'string') faults.push(faultAt({ file, ...START }, read));
        else take(file, read);
      }
    }
  };
  const take = (file: string, bytes: Buffer): void => {
    const text = bytes.toString('utf8');
    const secretAt = text.search(/-----BEGIN [A-Z ]*PRIVATE KEY-----/);
    if (!Buffer.from(text).equals(bytes)) faults.push(faultAt({ file, ...START }, 'is not UTF-8 text'));
    else if (secretAt >= 0)
      faults.push(
        faultAt(
          { file, line: text.slice(0, secretAt).split('\n').length, column: 1 },
          'a private key: secrets never stand in config.d, name them with secret:NAME',
        ),
      );
    else snapshot.set(file, text);
  };
  await walk('');
  return { snapshot, faults };
}

/** A snapshot as a folder that can be read, `/config.d`. */
export const snapshotHost = (snapshot: Snapshot): { readonly host: Pick<Host, 'files'>; readonly dir: string } => {
  const entries = [...snapshot].map(([name, text]) => [`/config.d/${name}`, text] as const);
  return {
    host: memoryHost({ files: { '/config.d': { type: 'dir' }, ...Object.fromEntries(entries) } }),
    dir: '/config.d',
  };
};

/** Names that are different in two snapshots, sorted. */
export const differences = (from: Snapshot, to: Snapshot): readonly string[] =>
  [...new Set([...from.keys(), ...to.keys()])].filter((name) => from.get(name) !== to.get(name)).toSorted();
