import { StatectlError } from '../../../../error.ts';
import { VariablesHead } from '../../../../protocol/variables/shipment.ts';
import { sha256Of } from '../../../../signed/bundle/manifest.ts';
import { mustBeLine, type TakenPrinter, type Taking } from './taking.ts';

/** The file of its saved variables, where Klipper could read it. */
export async function takeVariables(taking: Taking): Promise<TakenPrinter['variables']> {
  const { found, context, item, standing, head, miss } = taking;
  const { name: printer, variables } = found;
  const { state, asker } = context;
  if (variables === undefined) return null;
  const before = VariablesHead.safeParse(head).data;
  if (before?.sha256 === sha256Of(variables)) return { isNew: false };
  const text = variables.toString('utf8');
  if (!Buffer.from(text).equals(variables)) {
    miss('saved variables', 'the file is no UTF-8: Klipper stops at it');
    return null;
  }
  const seq = before?.boot === standing.boot ? before.seq + 1 : 1;
  try {
    mustBeLine(printer, await state.variables.ship(printer, item, { seq, changes: [], text }, standing, asker));
  } catch (error) {
    if (!(error instanceof StatectlError) || !['variables-damaged', 'variables-empty'].includes(error.code))
      throw error;
    miss('saved variables', error.message);
    return null;
  }
  return { isNew: true };
}
