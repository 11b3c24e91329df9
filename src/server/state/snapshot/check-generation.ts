import { reasonOf } from '../../../error.ts';
import { type CheckedDatabase, checkDatabase } from '../../../host/linux/databases/check-database.ts';
import { linuxFiles } from '../../../host/linux/files.ts';
import { readPlainTar } from '../../../signed/plain-tar.ts';

/** Larger ones are none that a print host makes: its history of years has some MiB. */
export const LARGEST_GENERATION_BYTES = 64 << 20;

/** What a generation has to have. */
export interface SnapshotShape {
  /** Databases of SQLite, by name. */
  readonly files: readonly string[];
  /** Tables that each of them cannot do without. */
  readonly tables: readonly string[];
  /** Small files beside them, by name. */
  readonly with: readonly string[];
}

/** Of Moonraker: its id is in the database too, and one without the other is told by it for ever. */
export const MOONRAKER: SnapshotShape = {
  files: ['moonraker-sql.db'],
  tables: ['namespace_store', 'table_registry'],
  with: ['.moonraker.uuid'],
};

const LARGEST_BESIDE_BYTES = 64 << 10;

/** The files of a generation by name; nothing but those of its shape. Throws why it is none. */
const membersOf = (tar: Buffer, shape: Pick<SnapshotShape, 'files' | 'with'>): ReadonlyMap<string, Uint8Array> =>
  readPlainTar(tar, (name) => shape.files.includes(name) || shape.with.includes(name));

async function checkMembers(
  members: ReadonlyMap<string, Uint8Array>,
  shape: SnapshotShape,
  aside: string,
): Promise<CheckedDatabase> {
  const long = shape.with.find((name) => (members.get(name)?.length ?? 0) > LARGEST_BESIDE_BYTES);
  if (long !== undefined) return { fault: `its ${long} is longer than ${LARGEST_BESIDE_BYTES} bytes` };
  const files = linuxFiles();
  const jobs: string[] = [];
  for (const name of shape.files) {
    const database = members.get(name);
    if (!database) return { fault: `it has no ${name}` };
    await files.write(aside, database, { mode: 0o600 });
    try {
      const checked = checkDatabase(aside, shape.tables);
      if ('fault' in checked) return { fault: `${name}: ${checked.fault}` };
      jobs.push(...checked.jobs);
    } finally {
      await files.remove(aside);
    }
  }
  return { jobs };
}

/** Why the generation in this file is no good, or which jobs it has. For a process of its own, see `checkGenerationApart`. */
export async function checkGeneration(tar: string, shape: SnapshotShape): Promise<CheckedDatabase> {
  try {
    const { bytes } = await linuxFiles().readRegular(tar, LARGEST_GENERATION_BYTES);
    return await checkMembers(membersOf(bytes, shape), shape, besides(tar));
  } catch (error) {
    return { fault: reasonOf(error) };
  }
}

/** Where the check puts what it looks at. */
export const besides = (tar: string): string => `${tar}.check`;
