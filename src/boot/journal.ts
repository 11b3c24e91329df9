import type { Files } from '../host/host.ts';
import { JOURNAL } from './paths.ts';

/** One line of /run/statectl/journal.jsonl and of the events port. Times are ms since the kernel started. */
export type JournalEntry =
  | { readonly event: 'phase-started'; readonly phase: string }
  | { readonly event: 'phase-ended'; readonly phase: string; readonly tookMs: number }
  | { readonly event: 'step'; readonly phase: string; readonly step: string; readonly command: string; readonly tookMs: number }
  | { readonly event: 'said'; readonly level: 'info' | 'warning'; readonly phase: string; readonly text: string }
  | { readonly event: 'failed'; readonly phase: string; readonly code: string; readonly text: string; readonly hint?: string }
  | { readonly event: 'rescue'; readonly phase: string; readonly code: string }
  | { readonly event: 'break'; readonly phase: string }
  | { readonly event: 'boot-started'; readonly version: string }
  | { readonly event: 'handed-over'; readonly init: string; readonly bootMs: number };

export type Journal = (entry: JournalEntry) => Promise<void>;

/** Appends to the journal and, where `statectl.events=` named one, to a port that a machine reads. */
export function openJournal(files: Files, uptimeMs: () => number, eventsPort: string | undefined): Journal {
  return async (entry) => {
    const line = `${JSON.stringify({ atMs: Math.round(uptimeMs()), ...entry })}\n`;
    await files.append(JOURNAL, line);
    // A port that is not there must not cost the boot.
    if (eventsPort) await files.append(eventsPort, line).catch(() => undefined);
  };
}
