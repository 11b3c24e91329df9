import { createHash } from 'node:crypto';
import { entryOf } from '../../../../entry-of.ts';
import type { ItemKind } from '../../../../protocol/state/state.ts';
import { takeConfig } from './take-config.ts';
import { takeDatabase } from './take-database.ts';
import { takeGcode } from './take-gcode.ts';
import { takeVariables } from './take-variables.ts';
import type { FoundPrinter, TakeContext, TakenPrinter, Taking } from './taking.ts';

/** The boot that a host is, as long as it is adopted: the same each time, so a second run goes on with what the first has. */
export const adoptingBoot = (host: string, data: string): string =>
  `adopt-${createHash('sha256').update(`${host}\0${data}`).digest('hex').slice(0, 32)}`;

/** Whether what has the lease is a host that is adopted, and no machine. */
export const isAdopting = (boot: string): boolean => boot.startsWith('adopt-');

/**
 * Ships what a host has of a printer as a boot of its node would: by the same checks, quotas and names. Each part is on the line
 * whole, or as it was. Throws what the server's state throws, and `adopt-line-taken` where somebody else goes on with the line.
 */
export async function takePrinter(found: FoundPrinter, context: TakeContext): Promise<TakenPrinter> {
  const { state, asker, boot } = context;
  const { name: printer } = found;
  const { lease, items } = await state.lease(printer, boot, asker);
  const missed: { path: string; why: string }[] = [];
  const miss = (path: string, why: string): void => void missed.push({ path, why });
  const part = async <T>(
    kind: ItemKind,
    usual: string,
    take: (taking: Taking) => Promise<T>,
  ): Promise<T | undefined> => {
    const all = asker.printer.items.filter((one) => one.kind === kind);
    const item = (all.find(({ name }) => name === usual) ?? all[0])?.name;
    if (item === undefined) {
      miss(usual, `config.d keeps the ${usual} of ${printer} in another way (kind) than copies of it are taken`);
      return undefined;
    }
    const head = entryOf(items, item);
    return await take({ found, context, item, standing: { lease, boot, base: head?.id ?? null }, head, miss });
  };
  const gcode = await part('mirror', 'gcode', takeGcode);
  const config = await part('git', 'config', takeConfig);
  const variables = await part('variables', 'variables', takeVariables);
  const database = await part('snapshot', 'database', takeDatabase);
  return {
    printer,
    config: config ?? { changed: 0 },
    gcode: gcode ?? { added: 0, removed: 0, bytes: 0 },
    variables: variables ?? null,
    database: database ?? null,
    missed,
  };
}
