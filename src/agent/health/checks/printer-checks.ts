import { join } from 'node:path/posix';
import * as z from 'zod/mini';
import type { PrinterState as PrinterSettings } from '../../../config/config.ts';
import { entryOf } from '../../../entry-of.ts';
import type { Host } from '../../../host/host.ts';
import { boardText } from '../../boards/board-text.ts';
import { isBusy, type PrinterState } from '../../printers/printer-state.ts';
import { callMoonraker } from '../../state/mirror/moonraker-call.ts';
import type { CheckResult } from '../gate.ts';

/**
 * Whether Klipper of each printer is ready, and its Moonraker answers. A printer that is switched off says nothing for or against
 * the system (`boards/`); one whose board answers and does not go with this Klipper speaks against it.
 */
export async function printerChecks(
  host: Pick<Host, 'files' | 'sockets' | 'clock'>,
  printers: readonly Pick<PrinterSettings, 'name' | 'data'>[],
  states: Readonly<Record<string, PrinterState>>,
  signal: AbortSignal,
): Promise<readonly CheckResult[]> {
  return await Promise.all(
    printers.map(async ({ name, data }): Promise<CheckResult> => {
      const about = { name: `printer ${name}`, need: 'required' } as const;
      const { why, note } = klipperOf(entryOf(states, name));
      const fault = why ?? (await moonrakerFault(host, data, signal));
      return { ...about, ...(fault !== undefined && { why: fault }), ...(note !== undefined && { note }) };
    }),
  );
}

/** What is known of a printer comes to. Pure. */
function klipperOf(state: PrinterState | undefined): Pick<CheckResult, 'why' | 'note'> {
  if (state === undefined) return { why: 'nothing is known of it yet' };
  if (isBusy(state)) return { note: `it is ${state.state}` };
  if (state.state === 'away') return { why: `Klipper does not answer${state.why ? `: ${state.why}` : ''}` };
  if (!state.board) return { why: state.why || 'Klipper says nothing of its boards yet' };
  if (state.board.health === 'bad') return { why: boardText(state.board) };
  return state.board.health === 'good' ? {} : { note: boardText(state.board) };
}

const ServerInfo = z.looseObject({ klippy_connected: z.optional(z.boolean()) });

/** Only where there is one: its config, and a socket. What Klipper says itself is known. */
async function moonrakerFault(
  host: Pick<Host, 'files' | 'sockets' | 'clock'>,
  data: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { files } = host;
  const [config, socket] = await Promise.all(
    ['config/moonraker.conf', 'comms/moonraker.sock'].map((path) =>
      files.stat(join(data, path)).catch(() => undefined),
    ),
  );
  if (!config || socket?.type !== 'socket') return undefined;
  const said = await callMoonraker(host, join(data, 'config'), { method: 'server.info' }, ServerInfo, signal);
  if (!said) return 'Moonraker does not answer';
  return said.klippy_connected === false ? 'Moonraker has no Klipper' : undefined;
}
