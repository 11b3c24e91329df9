import { isDeepStrictEqual } from 'node:util';
import { type ConfigFault, faultAt } from '../check/fault.ts';
import type { ConfigDir, Part } from '../config-dir.ts';
import { checkSettings, type Effective } from '../effective.ts';
import { emptyMapping, originOf } from '../tree/tree.ts';

/** Checked, merged and shown, and nothing obeys them yet. */
export const LATER_PARTS: readonly Part[] = ['persist', 'update', 'sources'];

/** Single settings of the other parts. */
const LATER_SETTINGS: readonly string[] = ['log.archive'];

/** Nothing obeys this setting yet: `update.interval`, `log.archive`. */
export const isLater = (part: Part, name: string): boolean =>
  LATER_PARTS.includes(part) || LATER_SETTINGS.includes(`${part}.${name}`);

export const NOT_YET = 'checked and shown; no machine obeys it in this version';

/** What an admin says there, where it differs from the built-in values: nobody should believe that it is in force. Pure. */
export function laterSettings({ base, nodes }: ConfigDir, unnamed: Pick<Effective, 'config'>): readonly ConfigFault[] {
  const usual = checkSettings(emptyMapping(base.origin)).config;
  const changed = LATER_PARTS.filter((part) => !isDeepStrictEqual(unnamed.config?.[part], usual?.[part]));
  const said = changed.flatMap((part) => {
    const tree = base.entries.get(part);
    const [first] = tree?.kind === 'mapping' ? tree.entries.keys() : [];
    return first === undefined ? [] : [faultAt(originOf(base, [part, first]), `${part}: ${NOT_YET}`)];
  });
  const ofNodes = [...nodes.groups.values(), ...nodes.nodes.values()].flatMap(({ set }) =>
    LATER_PARTS.flatMap((part) => {
      const tree = set.entries.get(part);
      return tree ? [faultAt(tree.origin, `${part}: ${NOT_YET}`)] : [];
    }),
  );
  const archive = unnamed.config?.log.archive.length
    ? [faultAt(originOf(base, ['log', 'archive']), `log.archive: ${NOT_YET}`)]
    : [];
  // A hostlist's machines share their file.
  return [...said, ...archive, ...new Map(ofNodes.map((fault) => [`${fault.file}:${fault.line}`, fault])).values()];
}
