import { isDeepStrictEqual } from 'node:util';
import { reasonOf } from '../../error.ts';
import type { Volume } from '../../machine/state/drbd/command-words.ts';
import { keepFolder } from '../../machine/state/drbd/keep-folder.ts';
import { connect, statusOf } from '../../machine/state/drbd/volume.ts';
import type { StateItem } from '../../machine/state/restore.ts';
import type { ItemStatus } from './item-status.ts';
import type { KeeperContext } from './keeper.ts';
import { branchShipper } from './volume-branch.ts';
import { isConnected, volumeItemStatus } from './volume-item-status.ts';

type Context = KeeperContext<StateItem<'drbd'>>;

/** A read of /proc/drbd, or a word of drbdsetup: the kernel does the work. */
const LOOK_MS = 2_000;
/** Only the amount is another. */
const AMOUNT_MS = 15_000;
/** A folder in RAM, of which nobody tells us what changes. */
const BRANCH_MS = 10_000;
/** What both sides gave up is tried again so often. */
const AGAIN_MS = 30_000;
/** For a boot that finds no server: what is in it now, whole, unless it prints. */
const KEEP_MS = 3_600_000;
/** A server that was only told to disconnect is there again by then: what stays so is another history. */
const STRANGER_MS = 2 * AGAIN_MS;

/** Tells how a volume stands, and takes up again what was given up. What a boot has in its place is shipped as a branch. */
export async function keepDrbd(context: Context, signal: AbortSignal): Promise<never> {
  const { volume, why = 'the boot gave no volume' } = context.began;
  if (volume) return await keepVolume(context, volume, signal);
  const { host, tell } = context;
  for (const ship = branchShipper(context, why), told = teller(context); ; await host.clock.sleep(BRANCH_MS, signal))
    told(await ship(signal), tell);
}

async function keepVolume(context: Context, volume: Volume, signal: AbortSignal): Promise<never> {
  const { host, tell } = context;
  const { peer } = volume;
  const told = teller(context);
  const ship = branchShipper(context, `${peer} and this machine gave each other up`);
  let before: ItemStatus | undefined;
  let keepAtMs = 0;
  let unkept: string | undefined;
  let againMs = 0;
  /** Since when they are strangers to each other: until they are connected, whoever of both does not even listen meanwhile. */
  let givenUpMs: number | undefined;
  for (; ; await host.clock.sleep(LOOK_MS, signal)) {
    const nowMs = host.clock.uptimeMs();
    if (nowMs >= keepAtMs && !context.isPrinting()) {
      keepAtMs = nowMs + KEEP_MS;
      unkept = await keepFolder(context, context.began.base ?? '').then(
        () => undefined,
        (error: unknown) => `not on the disk of the machine: ${reasonOf(error)}`,
      );
    }
    const status = await statusOf(host, volume);
    before = volumeItemStatus({ status, peer, nowMs: host.clock.now(), ...(before && { before }) });
    if (status && isConnected(status)) givenUpMs = undefined;
    let why = before.why ?? unkept;
    if (status?.connection === 'StandAlone') {
      givenUpMs ??= nowMs;
      if (nowMs >= againMs) {
        againMs = nowMs + AGAIN_MS;
        const failed = await connect(host, volume).catch(reasonOf);
        if (failed !== undefined) why = `${why}; ${failed}`;
      }
    }
    const isStranger = givenUpMs !== undefined && nowMs - givenUpMs >= STRANGER_MS;
    told(isStranger ? await ship(signal) : { ...before, ...(why !== undefined && { why }) }, tell);
  }
}

/** Every change is written down and told: an amount that grows is so only now and then. */
function teller({ host: { clock } }: Context): (status: ItemStatus, tell: Context['tell']) => void {
  let last: ItemStatus | undefined;
  let atMs = 0;
  return (status, tell) => {
    const isSame = isDeepStrictEqual({ ...last, ahead: undefined }, { ...status, ahead: undefined });
    const isDue = clock.uptimeMs() - atMs >= AMOUNT_MS;
    if (isDeepStrictEqual(last, status) || (last && isSame && !isDue)) return;
    last = status;
    atMs = clock.uptimeMs();
    tell(status);
  };
}
