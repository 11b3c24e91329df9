import { join } from 'node:path';
import { recordOrNone } from '../../../host/record.ts';
import type { Store } from '../../store/store.ts';
import { itemPath, LINE } from '../state-folder.ts';
import type { SideAddresses } from './choose-addresses.ts';

const askedPath = (store: Store, printer: string, item: string): string =>
  join(itemPath(store, printer, LINE, item), 'asked.json');

/** Where a machine asked for this item last: of several addresses of a server it is that one which it reaches. */
export const readAsked = async (store: Store, printer: string, item: string): Promise<SideAddresses | undefined> =>
  recordOrNone<SideAddresses>(await store.host.files.readText(askedPath(store, printer, item)).catch(() => undefined), {
    server: 'text',
    machine: 'text',
  });

/** Under the printer's lock. */
export async function noteAsked(store: Store, printer: string, item: string, asked: SideAddresses): Promise<void> {
  const known = await readAsked(store, printer, item);
  if (known?.server === asked.server && known.machine === asked.machine) return;
  await store.host.files.mkdir(itemPath(store, printer, LINE, item), 0o700);
  await store.host.files.write(askedPath(store, printer, item), `${JSON.stringify(asked)}\n`, { mode: 0o600 });
}
