import { join } from 'node:path';
import type { Files } from '../../../host/host.ts';
import { parseRecord } from '../../../host/record.ts';
import { sha256Of } from '../../../signed/bundle/manifest.ts';
import { type ConfigNote, readNote, writtenNote } from './config-note.ts';

/** A config with what a machine knows of it, on a disk: of one that itself lies in RAM. */
export interface KeptConfig {
  readonly note: ConfigNote;
  readonly files: ReadonlyMap<string, Buffer>;
}

interface Written {
  readonly note: string;
  readonly files: readonly (readonly [path: string, content: string])[];
}

const pathOf = (kept: string): string => join(kept, 'config.json');

export async function readKept(files: Pick<Files, 'readText'>, kept: string): Promise<KeptConfig | undefined> {
  try {
    const said = parseRecord<Written>(await files.readText(pathOf(kept)), { note: 'text', files: 'list' });
    const note = readNote(said.note);
    return note && { note, files: new Map(said.files.map(([path, text]) => [path, Buffer.from(text, 'base64')])) };
  } catch {
    return undefined;
  }
}

/** Whether there is something in it that no server has. Pure. */
export const isAhead = ({ note, files }: KeptConfig): boolean =>
  files.size !== note.files.size || [...files].some(([path, bytes]) => note.files.get(path) !== sha256Of(bytes));

export async function writeKept(
  files: Pick<Files, 'mkdir' | 'write'>,
  kept: string,
  config: KeptConfig,
): Promise<void> {
  await files.mkdir(kept, 0o700);
  const written: Written = {
    note: writtenNote(config.note),
    files: [...config.files].map(([path, bytes]) => [path, bytes.toString('base64')] as const),
  };
  await files.write(pathOf(kept), `${JSON.stringify(written)}\n`, { mode: 0o600 });
}
