import type { Files } from '../../host/host.ts';
import { redactedJson } from '../../machine/logs/redact.ts';
import { JOURNAL } from '../../machine/paths.ts';

/** One line of /run/statectl/journal.jsonl and of the events port. Times are ms since the kernel started. */
export type JournalEntry =
  | { readonly event: 'phase-started'; readonly phase: string }
  | { readonly event: 'phase-ended'; readonly phase: string; readonly tookMs: number }
  | {
      readonly event: 'step';
      readonly phase: string;
      readonly step: string;
      readonly command: string;
      readonly tookMs: number;
    }
  | { readonly event: 'said'; readonly level: 'info' | 'warning'; readonly phase: string; readonly text: string }
  | {
      readonly event: 'failed';
      readonly phase: string;
      readonly code: string;
      readonly text: string;
      readonly hint?: string;
    }
  | { readonly event: 'rescue'; readonly phase: string; readonly code: string }
  | { readonly event: 'left'; readonly phase: string; readonly how: string }
  | { readonly event: 'break'; readonly phase: string }
  | { readonly event: 'boot-started'; readonly version: string; readonly from?: string }
  | { readonly event: 'handed-over'; readonly init: string; readonly bootMs: number };

/** Never rejects: neither a full /run nor a port that is not there may cost the boot. */
export type Journal = (entry: JournalEntry) => Promise<void>;

/** Appends to the journal and, where `statectl.events=` named one, to a port that a machine reads. Lines keep their order. */
export function openJournal(
  files: Pick<Files, 'append'>,
  uptimeMs: () => number,
  eventsPort: string | undefined,
): Journal {
  let before = Promise.resolve();
  return (entry) => {
    const line = `${redactedJson({ atMs: Math.round(uptimeMs()), ...entry })}\n`;
    before = before.then(async () => {
      await files.append(JOURNAL, line).catch(() => undefined);
      if (eventsPort) await files.append(eventsPort, line).catch(() => undefined);
    });
    return before;
  };
}
