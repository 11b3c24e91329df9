import { reasonOf } from '../error.ts';
import type { Host } from '../host/host.ts';
import { readKey } from './cycle-key.ts';
import type { CycleLook } from './cycle-look.ts';
import type { Attempt } from './cycle-state.ts';
import { CYCLE_FOLDER, readEvidence } from './evidence.ts';
import { lookAtFlag, type SeenFlag } from './flag-state.ts';
import { readCopy, reconcile } from './journal.ts';
import { readOrders } from './orders.ts';

export const JOURNAL_FILE = `${CYCLE_FOLDER}/journal`;
/** Of root alone. Whoever is root on this machine can read it: it tells accidents and strange hands, not root's. */
export const KEY_FILE = `${CYCLE_FOLDER}/key`;
export const ORDERS_FILE = `${CYCLE_FOLDER}/orders.json`;
export const FLAG_NAME = 'bootflag.json';

const MOST_KEY_BYTES = 4096;
const MOST_ORDERS_BYTES = 64 * 1024;

export interface LookedAt extends Pick<CycleLook, 'machine' | 'bootId' | 'uptimeMs'> {
  readonly nowMs?: number;
  readonly current?: string;
  /** By digest, the folder of each image. */
  readonly folders: Readonly<Record<string, string>>;
  /** What is gathered elsewhere. `panicId`: of the record of the panic. */
  readonly end: {
    readonly clean?: boolean;
    readonly panic?: string;
    readonly panicId?: string;
    readonly watchdogReset?: boolean;
  };
}

/** The start that nobody has judged yet, as the journal says by itself. */
export async function openAttempt(host: Pick<Host, 'files'>): Promise<Attempt | undefined> {
  const read = await host.files.readRegular(KEY_FILE, MOST_KEY_BYTES).catch(() => undefined);
  const key = readKey(read?.bytes.toString());
  const { state, trust } = reconcile([await readCopy(host, JOURNAL_FILE, key)], key);
  return trust === 'behind' ? undefined : state?.attempt;
}

/** Looks at journal, key, flags, evidence and orders. Nothing that lies there can stop it: what is no file is told, and counts as absent. */
export async function lookAtCycles(
  host: Pick<Host, 'files'>,
  { folders, end, ...about }: LookedAt,
): Promise<CycleLook> {
  const { files } = host;
  const notes: string[] = [];
  const text = async (path: string, limitBytes: number): Promise<string | undefined> => {
    try {
      const there = await files.stat(path);
      if (!there) return undefined;
      if (there.type === 'file') return (await files.readRegular(path, limitBytes)).bytes.toString();
      notes.push(`${path} is no file but a ${there.type}: it counts as absent`);
    } catch (error) {
      notes.push(`${path} counts as absent: ${reasonOf(error)}`);
    }
    return undefined;
  };
  const keyText = await text(KEY_FILE, MOST_KEY_BYTES);
  const key = readKey(keyText);
  if (keyText !== undefined && !key)
    notes.push(`${KEY_FILE} is no key: the journal is believed by its checksums, and sealed anew`);
  const journal = reconcile([await readCopy(host, JOURNAL_FILE, key)], key);
  const attempt = journal.state?.attempt;
  const { evidence, faults } =
    attempt && attempt.bootId !== about.bootId ? await readEvidence(host, attempt) : { evidence: {}, faults: [] };
  const flags: [string, SeenFlag][] = [];
  for (const [digest, folder] of Object.entries(folders))
    flags.push([digest, await lookAtFlag(host, `${folder}/${FLAG_NAME}`, key)]);
  const { ended, ...left } = evidence;
  // What was seen since is of boots that came to no attempt, or of none.
  const { clean, panic, panicId, watchdogReset } = ended ?? end;
  // A panic is told once: its record stays in the firmware until it was kept.
  const seenId = end.panicId ?? panicId;
  const isNew = panic !== undefined && (panicId === undefined || panicId !== journal.state?.panicId);
  return {
    ...about,
    journal: { ...journal, notes: [...journal.notes, ...notes, ...faults] },
    ...(key && { keyCycle: key.cycle }),
    flags: Object.fromEntries(flags),
    said: {
      ...left,
      ...(clean !== undefined && { clean }),
      ...(isNew && { panic }),
      ...(watchdogReset && { watchdogReset }),
    },
    ...(seenId !== undefined && seenId !== journal.state?.panicId && { panicId: seenId }),
    orders: readOrders(await text(ORDERS_FILE, MOST_ORDERS_BYTES)),
  };
}
