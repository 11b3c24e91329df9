import { rootFile, rootOf } from '../../fetch/local-copy.ts';
import { machineClaims } from '../../fetch/machine-claims.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { SLOTS } from '../../slots/cycle-state.ts';
import { placeName } from '../../slots/image-place.ts';
import { lookAtCycles } from '../../slots/look-at-cycles.ts';
import { bootsLocalRoot, userDataDevice } from '../facts/disks.ts';
import type { Facts } from '../facts/facts.ts';
import type { CycleFacts } from '../facts/root-facts.ts';
import type { MachineHost } from '../roots.ts';
import { isWrong } from '../time/clock.ts';
import { copiesOf, namedCopies } from './named-copies.ts';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
/** So much of an image tells how fast its disk is read. */
const SAMPLE_BYTES = 4 << 20;
/** Without an initramfs that says when it was built, a clock that is before this was never set. */
const OLDEST_MS = Date.UTC(2024, 0, 1);

/** Only a machine that keeps images on its disk has systems to choose from, and without the agent nobody says that they start. */
const keepsCycles = (facts: Facts): boolean =>
  facts.config.server.agent !== 'off' &&
  !bootsLocalRoot(facts) &&
  facts.config.boot.keepCopy &&
  (facts.config.update.slots.kind === 'file' || facts.root.slots !== undefined) &&
  userDataDevice(facts) !== undefined;

/** What the cycles before left; undefined: this machine keeps none. */
export async function findCycles(host: MachineHost, facts: Facts, boot: TaskContext): Promise<CycleFacts | undefined> {
  if (!keepsCycles(facts)) return undefined;
  const bootId = (await host.files.readText(BOOT_ID).catch(() => '')).trim();
  if (bootId === '') {
    boot.warn('this kernel has no number for its boot: no cycle is kept');
    return undefined;
  }
  const copies = copiesOf(facts.root);
  const named = namedCopies(facts.root);
  const whole = SLOTS.flatMap((slot) => {
    const { copy, device, whole: isWhole } = facts.root.slots?.[slot] ?? {};
    return copy && device && isWhole ? [placeName(slot, copy.manifest.root.sha256)] : [];
  });
  for (const copy of facts.root.slots ? [] : copies) {
    const { sha256, sizeBytes } = copy.manifest.root;
    const there = await host.files.stat(rootFile(copy.dir, copy.manifest)).catch(() => undefined);
    if (there?.type === 'file' && there.sizeBytes === sizeBytes) whole.push(sha256);
    // Others may be downloads that were cut off.
    else if (copy === facts.root.copy)
      boot.warn(`${rootFile(copy.dir, copy.manifest)} is damaged: the signed manifest says ${sizeBytes} bytes`);
  }
  const { clock, lastEnd, uuid, serial } = facts.machine;
  const nowMs = host.clock.now();
  const hasClock = clock && !isWrong(clock) && nowMs > OLDEST_MS;
  const look = await lookAtCycles(host, {
    machine: (uuid ?? serial ?? machineClaims(facts).mac ?? 'unknown').slice(0, 64),
    bootId,
    uptimeMs: Math.round(host.clock.uptimeMs()),
    ...(hasClock && { nowMs: Math.round(nowMs) }),
    ...(facts.root.copy && !facts.root.slots && { current: facts.root.copy.manifest.root.sha256 }),
    folders: Object.fromEntries(named.map(([name, { dir }]) => [name, dir])),
    end: { ...lastEnd, ...(facts.root.stateClean !== undefined && { clean: facts.root.stateClean }) },
  });
  const [first] = copies;
  const isOdd = Object.values(look.flags).some(({ seen }) => seen === 'no flag');
  return {
    look,
    whole,
    ...((isOdd || facts.root.slots) && first && { bytesPerSecond: await measure(host, rootOf(first)) }),
  };
}

/** How fast a disk gives the beginning of a file, which is verified later anyway. */
async function measure({ files, clock }: Pick<MachineHost, 'files' | 'clock'>, path: string): Promise<number> {
  const startedMs = clock.uptimeMs();
  let bytes = 0;
  try {
    for await (const chunk of files.readStream(path)) {
      bytes += chunk.length;
      if (bytes >= SAMPLE_BYTES) break;
    }
  } catch {
    return 0;
  }
  return Math.round(bytes / (Math.max(1, clock.uptimeMs() - startedMs) / 1000));
}
