import { StatectlError } from '../../error.ts';
import type { Shipper } from './line-or-branch.ts';
import type { NodePrinter } from './node-printer.ts';
import { printerUnknown } from './state-folder.ts';

/** A boot of a machine that asks for a printer. */
export interface Asker extends Shipper {
  /** As its node has it now; absent: it has no such printer. */
  readonly printer?: NodePrinter;
  /** Where it asked, and from where. */
  readonly addresses?: { readonly server: string; readonly machine: string };
}

/** Throws `printer-unknown`. */
export function mustHave(printer: string, { node, printer: has }: Asker): NodePrinter {
  if (has) return has;
  throw printerUnknown(`${node} has no printer ${printer}`);
}

/** Whether it may get state back. Throws `printer-unknown`, `state-untrusted`. */
export function mustBeTrusted(printer: string, asker: Asker): NodePrinter {
  const has = mustHave(printer, asker);
  if (asker.proof === 'network' && has.trust !== 'network')
    throw new StatectlError('state-untrusted', `${asker.node} is known by its network alone, and gets no state back`, {
      hint: 'approve it with `statectl node approve`, or say `trust: network` of the printer in system/state.conf',
    });
  return has;
}
