import type { Config, PrinterState, StateItem } from '../../config.ts';
import { foldersAbove } from '../../settings/folders-above.ts';
import type { Inconsistency } from './inconsistency.ts';
import { takenBy } from './taken.ts';
import { unwritable, withoutLinks } from './writable.ts';

const PLACES = ['overlays', 'tmpfs', 'fstab'] as const;

/** An item of a printer, and whose it is. */
interface Owned {
  readonly printer: PrinterState;
  readonly item: StateItem;
}

/** Printers that cannot both be, and state where a machine has no place for it. */
export function stateFaults(config: Config): readonly Inconsistency[] {
  const ofData = dataFaults(config);
  const faulty = new Set(ofData.map(({ path }) => path[2]));
  const owned = Object.values(config.state.printers)
    .filter(({ name }) => !faulty.has(name))
    .flatMap((printer) => printer.items.map((item): Owned => ({ printer, item })));
  const items = new Map(owned.map((one) => [one.item.path, one]));
  return [
    ...ofData,
    ...owned.flatMap(({ item: { path } }) => whereNothingCanBe(config, ['state', 'places', path], path)),
    ...owned.flatMap((one) => stateInState(one, items)),
    ...placesInState(config, items),
  ];
}

function dataFaults(config: Config): readonly Inconsistency[] {
  const seen = new Map<string, string>();
  const printers = Object.values(config.state.printers);
  for (const { name, data } of printers) if (!seen.has(data)) seen.set(data, name);
  return printers.flatMap(({ name, data }): readonly Inconsistency[] => {
    const path = ['state', 'printers', name, 'data'];
    const around = [data, ...foldersAbove(data)].find((folder) => (seen.get(folder) ?? name) !== name);
    const other = around === undefined ? undefined : seen.get(around);
    if (other !== undefined)
      return [
        {
          path,
          message: `${around === data ? data : `${data} lies in ${around}, which`} is the data of ${other}: each printer has its own`,
          beside: ['state', 'printers', other, 'data'],
        },
      ];
    return whereNothingCanBe(config, path, data);
  });
}

/** `path` is the setting that says so. A place at the very path is told as one, not as a place around it. */
function whereNothingCanBe(config: Config, path: readonly string[], at: string): readonly Inconsistency[] {
  const taken = takenBy(at);
  if (taken !== undefined) return [{ path, message: taken }];
  const real = withoutLinks(config.overlays, at);
  if (real !== undefined && real !== at)
    return [{ path, message: `${at} lies below a symlink of overlays.conf: write ${real}` }];
  const part = PLACES.find((one) => Object.hasOwn(config[one], at));
  if (part === undefined) {
    const message = unwritable(config, at);
    return message === undefined ? [] : [{ path, message }];
  }
  if (path[1] === 'places')
    return [{ path, message: `${at} is in ${part}.conf, too: only one of them can be`, beside: [part, at] }];
  // Of the data of a printer what counts is what lies in it.
  const message = unwritable(config, `${at}/config`);
  return message === undefined ? [] : [{ path, message }];
}

/** One folder's history would have the other's files in it. Klipper's variables lie in its config: they are left out there. */
function stateInState({ printer, item }: Owned, items: ReadonlyMap<string, Owned>): readonly Inconsistency[] {
  const around = foldersAbove(item.path)
    .flatMap((folder) => items.get(folder) ?? [])
    .find((one) => !(item.kind === 'variables' && one.item.kind === 'git' && one.printer === printer));
  return around === undefined
    ? []
    : [
        {
          path: ['state', 'places', item.path],
          message: `${item.path} lies in ${around.item.path}, ${whatIs(around)}`,
          beside: ['state', 'places', around.item.path],
        },
      ];
}

function placesInState(config: Config, items: ReadonlyMap<string, Owned>): readonly Inconsistency[] {
  return PLACES.flatMap((part) =>
    Object.keys(config[part]).flatMap((mountPoint) => {
      const around = foldersAbove(mountPoint).flatMap((folder) => items.get(folder) ?? [])[0];
      return around === undefined
        ? []
        : [
            {
              path: [part, mountPoint],
              message: `${mountPoint} lies in ${around.item.path}, ${whatIs(around)}`,
              beside: ['state', 'places', around.item.path],
            },
          ];
    }),
  );
}

const whatIs = ({ printer, item }: Owned): string =>
  item.kind === 'variables' ? 'which is a file' : `which is kept whole for ${printer.name} as ${item.kind}`;
