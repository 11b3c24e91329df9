import { randomUUID } from 'node:crypto';
import { type SlotsStatus, slotsStatus, verifySlot } from '../../agent/slots-status.ts';
import { BEFORE_ROOT, IN_SYSROOT } from '../../boot/roots.ts';
import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { at, filesAt, RUNNING } from '../../machine/roots.ts';
import { SLOTS, type Slot } from '../../slots/cycle-state.ts';
import { CYCLE_FOLDER } from '../../slots/evidence.ts';
import { ORDERS_FILE } from '../../slots/look-at-cycles.ts';
import { type SlotOrder, writeOrders } from '../../slots/orders.ts';
import { print, printJson, remark } from '../print.ts';
import { parseWords, unknownCommand } from './boot-words.ts';
import { slotsText } from './slots-text.ts';

type SlotsHost = Pick<Host, 'files' | 'clock' | 'exec' | 'openProgram' | 'openRaw'>;

/** `statectl slots`: the two systems of this machine, in the running system and in the rescue shell. */
export async function slots(host: SlotsHost, [command = 'list', ...words]: readonly string[]): Promise<number> {
  const here = { ...host, files: await machineFiles(host) };
  switch (command) {
    case 'list':
      return await list(here, words);
    case 'mark-good':
    case 'mark-bad':
    case 'switch':
      return await order(here, command, words);
    case 'repair':
      return await repair(here, words);
    default:
      throw unknownCommand('slots', command);
  }
}

/** The paths of the running machine, wherever its disk is mounted: in the rescue shell it may not have come to its place. */
async function machineFiles({ files }: Pick<Host, 'files'>): Promise<Host['files']> {
  for (const roots of [RUNNING, IN_SYSROOT, BEFORE_ROOT])
    if (await files.stat(at(roots, CYCLE_FOLDER))) return filesAt(files, roots);
  return files;
}

async function known(host: SlotsHost): Promise<SlotsStatus> {
  const status = await slotsStatus(host);
  if (status) return status;
  throw new StatectlError('no-cycles', 'this machine keeps no cycles: nothing is known of slots', {
    hint: 'they are kept on /user-data, by a machine that keeps its image there (boot.keepCopy); only root may read them',
  });
}

async function list(host: SlotsHost, words: readonly string[]): Promise<number> {
  const { values } = parseWords('slots', { args: [...words], options: { json: { type: 'boolean' } } });
  const status = await known(host);
  if (values.json) printJson(status);
  else print(slotsText(status));
  return 0;
}

function slotOf(words: readonly string[], status: SlotsStatus): Slot {
  const { positionals } = parseWords('slots', { args: [...words], options: {}, allowPositionals: true });
  const [name = '', ...more] = positionals;
  const slot = SLOTS.find((each) => each === name);
  if (!slot || more.length > 0)
    throw new StatectlError('usage', 'which slot: a or b?', { hint: '`statectl slots list` shows them' });
  if (status[slot]) return slot;
  throw new StatectlError('slot-empty', `slot ${slot} is empty`, { hint: '`statectl slots list` shows what there is' });
}

/** The initramfs alone writes flags and journal, so that the running system can forge none: what a person wants waits for it. */
async function order(host: SlotsHost, verb: SlotOrder['verb'], words: readonly string[]): Promise<number> {
  const status = await known(host);
  const slot = slotOf(words, status);
  const orders = [...status.orders, { id: randomUUID(), verb, slot, atMs: Math.round(host.clock.now()) }].slice(-16);
  await host.files.write(ORDERS_FILE, writeOrders(orders), { mode: 0o600 });
  remark(`the next boot does it: ${verb} ${slot}`);
  return 0;
}

async function repair(host: SlotsHost, words: readonly string[]): Promise<number> {
  const status = await known(host);
  const wanted = words.length === 0 ? SLOTS.filter((slot) => status[slot]) : [slotOf(words, status)];
  let damaged = 0;
  for (const slot of wanted) {
    const fault = await verifySlot(host, slot, status[slot]?.digest ?? '').catch((error: Error) => error.message);
    if (fault === undefined) {
      print(`slot ${slot} is whole: its image is what its manifest says\n`);
      if (status[slot]?.state === 'INVALID') await order(host, 'repair', [slot]);
      continue;
    }
    damaged += 1;
    print(`slot ${slot} is damaged: ${fault}\n`);
    remark(`the next boot fetches it again where a server offers it (update.corruption), or boots the other`);
  }
  return damaged > 0 ? 1 : 0;
}
