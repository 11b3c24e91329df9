import { dirname } from 'node:path';
import type { Files } from '../../host/host.ts';
import { RUN } from '../paths.ts';

/** Beside what is spooled of an item. */
const markOf = (spool: string): string => `${spool}.loading`;

/** Any item of the printer, for a shell. */
export const loadingMarks = (printer: string): string => `${RUN}/state/${printer}/*.loading`;

/** A boot could not bring everything of an item: Moonraker must find it whole, and its service waits. */
export async function markLoading({ files }: { readonly files: Pick<Files, 'mkdir' | 'write'> }, spool: string) {
  // Whoever copies a database for the agent is its owner, who has to get through.
  await files.mkdir(dirname(spool), 0o711);
  await files.write(markOf(spool), '');
}

/** It is whole, or nobody can bring the rest: Moonraker may start. */
export const loadingEnded = ({ files }: { readonly files: Pick<Files, 'remove'> }, spool: string): Promise<void> =>
  files.remove(markOf(spool));
