import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { ownersHost } from '../host/owners-host.ts';
import { type ConfigFault, faultAt } from './check/fault.ts';
import { idleRemovals } from './check/idle-removals.ts';
import { nearest } from './check/suggest.ts';
import { type Nodes, readNodes } from './nodes/nodes.ts';
import { CONFIG_FILES, NODE_FILE } from './settings/files.ts';
import { readText } from './tree/read-text.ts';
import { emptyMapping, type Mapping, overlay, treeOf } from './tree/tree.ts';
import { readYaml } from './tree/yaml-file.ts';

export type Part = keyof typeof CONFIG_FILES;
export const PARTS = Object.keys(CONFIG_FILES) as readonly Part[];

/** A config.d as it was read: nothing merged for a machine, nothing checked by a schema but the node files. */
export interface ConfigDir {
  /** Every `foo.conf` with its `cfoo.conf` over it, by part. */
  readonly base: Mapping;
  readonly nodes: Nodes;
  /** Faults of single files: YAML, unknown names, node files. */
  readonly faults: readonly ConfigFault[];
  /** `~` in files that take nothing out: faults for the check, but no reason not to boot. */
  readonly idle: readonly ConfigFault[];
  readonly fileCount: number;
}

const START = { layer: 'built-in', file: 'config.d', line: 1, column: 1 };

/** Throws `config-missing`; a person who may not look into it learns that here, and not of git or a file in it. */
export async function needsConfigDir({ files }: Pick<Host, 'files'>, dir: string): Promise<void> {
  if ((await files.stat(`${dir}/.`))?.type === 'dir') await files.list(dir);
  else
    throw new StatectlError('config-missing', `there is no config.d in ${dir}`, {
      hint: 'name it with --config DIR or STATECTL_CONFIG',
    });
}

/** Reads every file of a config.d. Never throws for what is in them: see `faults`. */
export async function readConfigDir(given: Pick<Host, 'files'>, dir: string): Promise<ConfigDir> {
  const host = ownersHost(given, dir);
  const faults: ConfigFault[] = [...(await unknownFiles(host, dir))];
  const idle: ConfigFault[] = [];
  let base: Mapping = emptyMapping(START);
  let fileCount = 0;
  for (const part of PARTS) {
    const { path, override } = CONFIG_FILES[part];
    for (const [file, layer] of [
      [path, 'file'],
      [override, 'override'],
    ] as const) {
      const text = await readText(host, dir, file, faults);
      if (text === undefined) continue;
      fileCount += 1;
      const said = treeOf([part], readYaml(text, file, layer, faults)) as Mapping;
      idle.push(...idleRemovals(base, said));
      base = overlay(base, said) as Mapping;
    }
  }
  const nodes = await readNodes(host, dir, faults);
  return { base, nodes, faults, idle, fileCount: fileCount + nodes.fileCount };
}

/** Folders whose files have other rules, or none. */
const OTHER_FOLDERS = /^(?:.*\/)?examples\/|^templates\//;
/** Nobody names a letter of explanation so. */
const LOOKS_LIKE_SETTINGS = /\.(?:conf|ya?ml)$|^controller\/services\/(?!README)/;

/** A file whose name or folder is misspelt must not be ignored in silence. */
async function unknownFiles({ files }: Pick<Host, 'files'>, dir: string): Promise<readonly ConfigFault[]> {
  const known: readonly string[] = Object.values(CONFIG_FILES).flatMap(({ path, override }) => [path, override]);
  const faults: ConfigFault[] = [];
  const walk = async (prefix: string): Promise<void> => {
    for (const name of await files.list(`${dir}/${prefix}`).catch(() => [])) {
      const file = `${prefix}${name}`;
      // As the history has it: hidden files and editors' copies are nobody's.
      if (/^\.|~$|^#.*#$/.test(name) || OTHER_FOLDERS.test(`${file}/`)) continue;
      if ((await files.stat(`${dir}/${file}`))?.type === 'dir') {
        await walk(`${file}/`);
        continue;
      }
      if (!LOOKS_LIKE_SETTINGS.test(file) || known.includes(file) || NODE_FILE.test(file)) continue;
      const suggestion = nearest(file, known);
      const rest = suggestion ? `: did you mean ${suggestion}?` : `; there are ${known.join(', ')}`;
      faults.push(faultAt({ file, line: 1, column: 1 }, `unknown file${rest}`));
    }
  };
  await walk('');
  return faults;
}
