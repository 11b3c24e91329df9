import { join } from 'node:path';
import { StatectlError } from '../../error.ts';
import type { Account, Files } from '../../host/host.ts';
import { mayRead } from '../../host/owner.ts';
import { recordOrNone } from '../../host/record.ts';
import type { Standing } from '../../protocol/state/state.ts';
import type { VariableChange } from '../../protocol/variables/shipment.ts';
import { LARGEST_VARIABLES_BYTES } from '../../protocol/variables/variables-file.ts';

/** What the machine knows of a file of variables, on a disk where it has one. It is one file, so no power cut tears it. */
export interface VariablesRecord extends Standing {
  /** Of the line: what the file goes on with; null: with nothing. */
  readonly id: string | null;
  /** The file, as it was when it counted last; null: nothing was read yet. */
  readonly text: string | null;
  /** Of which it goes on: what the line has of any of them came from here. */
  readonly boots: readonly string[];
  /** Counts its changes. */
  readonly seq: number;
  /** So far the server has them. */
  readonly shippedSeq: number;
  /** The others, the oldest first. */
  readonly pending: readonly VariableChange[];
  /** Where the server keeps what was shipped, if not on the line. */
  readonly branch?: string;
}

export const NO_VARIABLES: Omit<VariablesRecord, keyof Standing> = {
  id: null,
  text: null,
  boots: [],
  seq: 0,
  shippedSeq: 0,
  pending: [],
};

const recordPath = (folder: string): string => join(folder, 'variables.json');
/** What earlier boots left, which the line does not go on with. */
const leftPath = (folder: string): string => join(folder, 'left');
const MOST_LEFT = 16;

export async function readVariablesRecord(
  files: Pick<Files, 'readText'>,
  path: string,
): Promise<VariablesRecord | undefined> {
  return recordOrNone<VariablesRecord>(await files.readText(path).catch(() => undefined), {
    ...{ boot: 'text', lease: 'number', seq: 'number', shippedSeq: 'number', pending: 'list', boots: 'list' },
  });
}

export const variablesRecord = (files: Files, folder: string) => ({
  read: () => readVariablesRecord(files, recordPath(folder)),

  async write(record: VariablesRecord): Promise<void> {
    await files.mkdir(folder, 0o700);
    await files.write(recordPath(folder), `${JSON.stringify(record)}\n`, { mode: 0o600 });
  },

  /** What was never shipped of an earlier boot is not forgotten: it is a branch, by its own standing. */
  async leave(record: VariablesRecord): Promise<void> {
    if (record.seq <= record.shippedSeq) return;
    await files.mkdir(leftPath(folder), 0o700);
    await files.write(join(leftPath(folder), `${encodeURIComponent(record.boot)}.json`), JSON.stringify(record), {
      mode: 0o600,
    });
    const names = await files.list(leftPath(folder));
    const times = await Promise.all(
      names.map(async (name) => [name, (await files.stat(join(leftPath(folder), name)))?.mtimeMs ?? 0] as const),
    );
    for (const [name] of times.toSorted(([, a], [, b]) => b - a).slice(MOST_LEFT))
      await files.remove(join(leftPath(folder), name));
  },

  async left(): Promise<readonly string[]> {
    const names = await files.list(leftPath(folder)).catch(() => []);
    return names.map((name) => join(leftPath(folder), name));
  },
});

/**
 * The file of a stranger, as far as it is theirs: no link leads anywhere else, and nothing is read that they could not. undefined:
 * it is not there. Throws `state-link`, and what `readRegular` does.
 */
export async function readVariablesFile(
  files: Pick<Files, 'readRegular' | 'stat'>,
  path: string,
  account: Account,
): Promise<{ readonly bytes: Buffer; readonly mtimeMs: number } | undefined> {
  const type = (await files.stat(path))?.type;
  if (type === undefined) return undefined;
  if (type !== 'file') throw new StatectlError('state-link', `${path} is a ${type}: it is not shipped`);
  const { bytes, stat, realPath } = await files.readRegular(path, LARGEST_VARIABLES_BYTES);
  if (realPath !== path) throw new StatectlError('state-link', `${path} is ${realPath} by a link: it is not shipped`);
  if (!mayRead(stat, account))
    throw new StatectlError('state-link', `${path} is not for its own user to read: it is not shipped`);
  return { bytes, mtimeMs: stat.mtimeMs };
}
