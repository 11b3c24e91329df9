import { parentPort, workerData } from 'node:worker_threads';
import type { Snapshot } from '../history/snapshot.ts';
import { checkSnapshot } from '../load-revision.ts';

/** What a thread of `checkApart` does: the faults of the snapshot that it was given. */
export async function answerCheck(): Promise<void> {
  parentPort?.postMessage(await checkSnapshot(workerData as Snapshot));
}
