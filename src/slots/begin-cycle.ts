import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path/posix';
import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { writeFlag } from './boot-flag.ts';
import { type CycleKey, keyOfCycle, readKey, writeKey } from './cycle-key.ts';
import { type CycleState, type Slot, withSlot } from './cycle-state.ts';
import type { FlagDue } from './decide.ts';
import type { Cycle } from './evidence.ts';
import { readCopy, reconcile, writeCopy } from './journal.ts';

/** What is written before a system is started. */
export interface BeginCycle {
  /** Copies of the journal. */
  readonly journals: readonly string[];
  readonly keyFile: string;
  readonly state: CycleState;
  readonly seq: number;
  readonly flags: readonly (FlagDue & { readonly path: string })[];
  /** What the boots before left, and what persons ordered: in the journal now. */
  readonly spent: readonly string[];
  /** For the running system, in RAM. */
  readonly cycleFile: string;
  readonly cycle?: Cycle;
  /** What the statectl before boots: it knows of no journal. */
  readonly pointer?: { readonly path: string; readonly content: string };
  /** A slot that is about to be written: no cycle begins yet. */
  readonly announces?: Slot;
  /** The slot whose own kernel goes on: no cycle begins here. */
  readonly sends?: Slot;
}

/**
 * Writes flags, then the journal, then the key that seals the next ones, and takes away what the journal has now. A cut at any
 * point leaves what the next boot judges alike. Throws why the journal cannot be written; then no cycle is kept.
 */
export async function beginCycle({ files }: Pick<Host, 'files'>, step: BeginCycle): Promise<void> {
  const { journals, keyFile, seq, flags, spent, cycleFile, cycle, pointer } = step;
  const folder = dirname(keyFile);
  if ((await files.stat(folder))?.type !== 'dir') await files.remove(folder);
  await files.mkdir(folder, 0o700);
  // Whoever finds it leaves evidence over that of the boot before.
  await files.remove(cycleFile);
  if (pointer) await files.write(pointer.path, pointer.content);
  let { state } = step;
  // Of a second try of this boot, which has begun its cycle: an earlier one cannot be sealed any more.
  if (cycle === undefined) {
    const known = readKey(await files.readText(keyFile).catch(() => undefined));
    state = { ...state, cycle: Math.max(state.cycle, known?.cycle ?? 0) };
  }
  const key = await keyFor({ files }, keyFile, state.cycle);
  for (const { slot, path, flag } of flags) {
    const text = writeFlag(flag, key);
    // A folder in its place is nothing that a rename can replace.
    if ((await files.stat(path))?.type === 'dir') await files.remove(path);
    await files.write(path, text, { mode: 0o600 });
    if ((await files.readText(path)) !== text)
      throw new StatectlError('flag-unwritten', `${path} does not read as it was written`);
    const record = state[slot];
    if (record) state = withSlot(state, slot, { ...record, flag: text });
  }
  // A phase that a person repeats goes by what it found before it had written.
  const copies = await Promise.all(journals.map((path) => readCopy({ files }, path, key)));
  const newest = Math.max(seq, reconcile(copies, key).seq + 1);
  for (const path of journals) await writeCopy({ files }, path, state, newest, key);
  const next = keyOfCycle(key, state.cycle) ?? key;
  await files.write(keyFile, writeKey(next), { mode: 0o600 });
  for (const path of spent) if (await files.stat(path)) await files.remove(path);
  if (cycle) await files.write(cycleFile, `${JSON.stringify(cycle)}\n`);
}

/** The key that this machine has, or its first one. */
async function keyFor({ files }: Pick<Host, 'files'>, keyFile: string, cycle: number): Promise<CycleKey> {
  const there = await files.stat(keyFile);
  if (there?.type === 'dir') await files.remove(keyFile);
  const found = there?.type === 'file' ? readKey(await files.readText(keyFile).catch(() => undefined)) : undefined;
  if (found && keyOfCycle(found, cycle)) return found;
  return { cycle: Math.max(0, cycle - 1), key: randomBytes(32).toString('hex') };
}
