/** What the running system leaves for the verdict of the next boot, and what a boot says to it before. */
import * as z from 'zod/mini';
import type { Files, Host } from '../host/host.ts';
import { readSaid, type Said } from '../protocol/read-answer.ts';

/** By the boot, before it hands over. Absent: this machine keeps no cycle, and nobody leaves evidence. */
export const CYCLE = '/run/statectl/cycle.json';
/** Root's alone, on the disk of /user-data. The initramfs reads it, and empties it once the verdict is durable. */
export const CYCLE_FOLDER = '/user-data/persistent/statectl/cycle';

/** What is longer was not written by statectl. */
const MOST_BYTES = 64 * 1024;
const LONGEST_TEXT = 500;
const LONGEST_NAME = 200;
const MOST_CHECKS = 50;

/** /proc/sys/kernel/random/boot_id: another one at each start of a kernel, and the same through a soft-reboot. */
const BootId = z.string().check(z.regex(/^[A-Za-z0-9-]{8,64}$/));
const CycleNumber = z.int().check(z.minimum(0));
const Ms = z.int().check(z.minimum(0));
const Text = z.string().check(z.maxLength(LONGEST_TEXT));
const Name = z.string().check(z.minLength(1), z.maxLength(LONGEST_NAME));

/** The attempt that this boot is. */
const Cycle = z.object({
  cycle: CycleNumber,
  bootId: BootId,
  slot: z.optional(z.string()),
  windowMs: z.optional(Ms),
  tries: z.optional(z.int()),
  /** Of the cycles before: with ENVIRONMENT the same check fails whichever system is booted. */
  verdict: z.optional(z.string()),
  /** false: whatever fails, the machine stays up. */
  act: z.optional(z.boolean()),
});
export type Cycle = z.infer<typeof Cycle>;

/** Which boot says so. `atMs` is the wall clock's, which may be wrong by years. */
const OF_ALL = { cycle: CycleNumber, bootId: BootId, atMs: Ms };

const KINDS = {
  /**
   * The last sign of life. `uptimeMs` counts from the start of the kernel, `gateMs` from when the system was first asked for its
   * health: a boot that fetches an image for ten minutes has not stood a window of five.
   */
  alive: z.object({ ...OF_ALL, uptimeMs: Ms, gateMs: z.optional(Ms) }),
  /** The health gate passed; by these checks. */
  started: z.object({ ...OF_ALL, checks: z.array(Name).check(z.maxLength(MOST_CHECKS)) }),
  /** The health gate failed. */
  failed: z.object({ ...OF_ALL, check: Name, reason: Text }),
  /** Services ended, what they keep is flushed. */
  stopping: z.object(OF_ALL),
  /** The same, by a boot that found the disk clean, before its own mount hides that: it may be cut before it judges. */
  closed: z.object(OF_ALL),
  /** How the kernel and the hardware say that it ended, by the first boot that saw it: what they say later is of other boots. */
  ended: z.object({
    ...OF_ALL,
    clean: z.optional(z.boolean()),
    panic: z.optional(Text),
    panicId: z.optional(z.string().check(z.maxLength(64))),
    watchdogReset: z.optional(z.boolean()),
  }),
  /** Somebody ended the system before its gate was done. */
  deliberate: z.object({ ...OF_ALL, by: Text }),
} as const;

type EvidenceKind = keyof typeof KINDS;
type Evidence = { readonly [Kind in EvidenceKind]?: z.infer<(typeof KINDS)[Kind]> };
/** Without what every kind has. */
type EvidenceAbout<Kind extends EvidenceKind> = Omit<z.infer<(typeof KINDS)[Kind]>, keyof typeof OF_ALL>;

const EVIDENCE_KINDS = Object.keys(KINDS) as readonly EvidenceKind[];
const pathOf = (kind: EvidenceKind): string => `${CYCLE_FOLDER}/${kind}.json`;

export const STOPPING_FILE = pathOf('stopping');
export const CLOSED_FILE = pathOf('closed');
export const ENDED_FILE = pathOf('ended');

/** Where they lie. */
export const EVIDENCE_FILES: readonly string[] = EVIDENCE_KINDS.map(pathOf);

interface FoundEvidence {
  /** Of this boot alone. */
  readonly evidence: Evidence;
  /** What lies there and counts as absent, each in a sentence. */
  readonly faults: readonly string[];
}

type FileHost = Pick<Host, 'files'>;

/**
 * What one boot left. What is damaged, too long, no file, of another than root or of another boot counts as absent and is told:
 * a file that cannot be believed proves nothing.
 */
export async function readEvidence(
  { files }: FileHost,
  { cycle, bootId }: Pick<Cycle, 'cycle' | 'bootId'>,
): Promise<FoundEvidence> {
  const folder = await files.stat(CYCLE_FOLDER).catch(() => undefined);
  if (folder === undefined) return { evidence: {}, faults: [] };
  if (folder.type !== 'dir') return { evidence: {}, faults: [`${CYCLE_FOLDER} counts as absent: it is no folder`] };
  const evidence: { [Kind in EvidenceKind]?: unknown } = {};
  const faults: string[] = [];
  for (const kind of EVIDENCE_KINDS) {
    const read = await readOwn(files, pathOf(kind), KINDS[kind]);
    const fault =
      read.fault ??
      (read.value && (read.value.cycle !== cycle || read.value.bootId !== bootId) ? OF_ANOTHER : undefined);
    if (fault !== undefined) faults.push(`${pathOf(kind)} counts as absent: ${fault}`);
    else if (read.value) evidence[kind] = read.value;
  }
  return { evidence: evidence as Evidence, faults };
}

const OF_ANOTHER = 'it is of another boot';

/** Leaves one piece of evidence, whole or not at all, and durable. Texts are cut to what a reader takes. Throws as a full or read-only disk does. */
export async function writeEvidence<Kind extends EvidenceKind>(
  { files, clock }: Pick<Host, 'files' | 'clock'>,
  kind: Kind,
  { cycle, bootId }: Pick<Cycle, 'cycle' | 'bootId'>,
  about: EvidenceAbout<Kind>,
): Promise<void> {
  await files.mkdir(CYCLE_FOLDER, 0o700);
  await files.write(pathOf(kind), evidenceText({ cycle, bootId }, about, clock.now()), { mode: 0o600 });
}

/** As its file says it. Pure. */
export const evidenceText = <Kind extends EvidenceKind>(
  { cycle, bootId }: Pick<Cycle, 'cycle' | 'bootId'>,
  about: EvidenceAbout<Kind>,
  nowMs: number,
): string => `${JSON.stringify({ cycle, bootId, atMs: Math.max(0, Math.round(nowMs)), ...cut(about) })}\n`;

/** Takes back what is not so any more. */
export const dropEvidence = ({ files }: FileHost, kind: EvidenceKind): Promise<void> => files.remove(pathOf(kind));

/** Which attempt this boot is. `fault`: something is there that says nothing of use, and the machine keeps no cycle. */
export async function readCycle({ files }: FileHost): Promise<{ readonly cycle?: Cycle; readonly fault?: string }> {
  const { value, fault } = await readOwn(files, CYCLE, Cycle);
  return fault === undefined ? { ...(value && { cycle: value }) } : { fault: `${CYCLE} counts as absent: ${fault}` };
}

/** A file that root wrote; neither value nor fault: there is none. */
async function readOwn<T>(files: Files, path: string, schema: z.core.$ZodType<T>): Promise<Partial<Said<T>>> {
  try {
    const stat = await files.stat(path);
    if (stat === undefined) return {};
    if (stat.type !== 'file') return { fault: 'it is no file' };
    if (stat.uid !== 0) return { fault: 'it is of another account than root' };
    return readSaid((await files.readRegular(path, MOST_BYTES)).bytes, schema);
  } catch (error) {
    return { fault: (error as Error).message };
  }
}

const cut = (about: object): object =>
  Object.fromEntries(
    Object.entries(about).map(([key, value]) => [
      key,
      typeof value === 'string'
        ? value.slice(0, key === 'check' ? LONGEST_NAME : LONGEST_TEXT)
        : typeof value === 'number'
          ? Math.max(0, Math.round(value))
          : Array.isArray(value)
            ? value.slice(0, MOST_CHECKS).map((name) => String(name).slice(0, LONGEST_NAME))
            : value,
    ]),
  );
