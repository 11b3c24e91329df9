import { reasonOf } from '../../error.ts';
import { databaseFault } from '../../host/linux/check-database.ts';
import { linuxFiles } from '../../host/linux/files.ts';
import type { StateItem } from '../../protocol/state.ts';
import { readPlainTar } from '../../signed/plain-tar.ts';

/** Larger ones are none that a print host makes: its history of years has some MiB. */
export const LARGEST_GENERATION_BYTES = 64 << 20;

const DATABASE = 'moonraker-sql.db';
/** It is in the database too: one without the other is told by Moonraker for ever. */
const UUID = '.moonraker.uuid';
const LARGEST_UUID_BYTES = 256;
/** What it cannot begin without. */
const TABLES = ['namespace_store', 'table_registry'];

/** The files of a generation by name; nothing but those of its item. Throws why it is none. */
export const membersOf = (tar: Buffer, item: StateItem): ReadonlyMap<string, Uint8Array> =>
  readPlainTar(tar, (name) => MEMBERS[item].includes(name));

const MEMBERS: Readonly<Record<StateItem, readonly string[]>> = { database: [DATABASE, UUID] };

const FAULTS: Readonly<
  Record<StateItem, (members: ReadonlyMap<string, Uint8Array>, aside: string) => Promise<string | undefined>>
> = {
  async database(members, aside) {
    const database = members.get(DATABASE);
    if (!database) return `it has no ${DATABASE}`;
    if ((members.get(UUID)?.length ?? 0) > LARGEST_UUID_BYTES)
      return `its ${UUID} is longer than ${LARGEST_UUID_BYTES} bytes`;
    const files = linuxFiles();
    await files.write(aside, database, { mode: 0o600 });
    try {
      const fault = databaseFault(aside, TABLES);
      return fault && `${DATABASE}: ${fault}`;
    } finally {
      await files.remove(aside);
    }
  },
};

/** Why the generation in this file is no good; undefined: it is whole. For a process of its own, see `checkGenerationApart`. */
export async function generationFault(tar: string, item: StateItem): Promise<string | undefined> {
  try {
    const { bytes } = await linuxFiles().readRegular(tar, LARGEST_GENERATION_BYTES);
    return await FAULTS[item](membersOf(bytes, item), besides(tar));
  } catch (error) {
    return reasonOf(error);
  }
}

/** Where the check puts what it looks at. */
export const besides = (tar: string): string => `${tar}.check`;
