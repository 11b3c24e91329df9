import * as z from 'zod/mini';
import type { Host } from '../../../host/host.ts';
import { callMoonraker } from './moonraker-call.ts';

/** Moonraker, docs/external_api/job_queue.md: `server.job_queue.status`. */
const Queue = z.looseObject({ queued_jobs: z.array(z.looseObject({ filename: z.string() })) });

/**
 * Files that wait to be printed, by name: those of the job queue of the Moonraker whose data the folder lies in, which it keeps in
 * RAM alone. None where nobody answers in time.
 */
export async function queuedFiles(
  host: Pick<Host, 'sockets' | 'clock'>,
  folder: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const queue = await callMoonraker(host, folder, { method: 'server.job_queue.status' }, Queue, signal);
  return new Set(queue?.queued_jobs.map(({ filename }) => filename));
}
