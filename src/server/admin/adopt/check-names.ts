import { PrinterName } from '../../../config/schema/state/printer-name.ts';
import { StatectlError } from '../../../error.ts';
import { machineNameFault } from '../../../protocol/machine-name.ts';
import type { NamedFolder } from './instances.ts';

/** The name of a node. Throws `adopt-name`. */
export function checkNode(node: string): void {
  const fault = machineNameFault(node);
  if (fault !== undefined) throw new StatectlError('adopt-name', fault, { hint: 'name the node: --node NAME' });
}

/** Names that a person gave: no connection tells more of them. Throws `adopt-name`. */
export function checkNames(node: string | undefined, printers: readonly NamedFolder[]): void {
  if (node !== undefined) checkNode(node);
  for (const [at, { name }] of printers.entries()) {
    const { error } = PrinterName.safeParse(name);
    if (error)
      throw new StatectlError('adopt-name', `${JSON.stringify(name)} is no name of a printer`, {
        hint: error.issues[0]?.message ?? 'name it: --printer NAME=DIR',
      });
    if (printers.findIndex((one) => one.name === name) !== at)
      throw new StatectlError('adopt-name', `two printers would be called ${name}`, {
        hint: 'name them: --printer NAME=DIR for each',
      });
  }
}
