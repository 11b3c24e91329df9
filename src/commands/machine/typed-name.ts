import { StatectlError } from '../../error.ts';
import { remark } from '../print.ts';

/** Waits until a person has typed the name of what will be lost, or takes it from --yes. Throws `not-confirmed`. */
export async function typedName(name: string, yes: string | undefined): Promise<void> {
  const given = yes ?? (process.stdin.isTTY ? await typedLine(name) : undefined);
  if (given === name) return;
  throw new StatectlError('not-confirmed', given === undefined ? 'nobody confirmed it' : `that is not ${name}`, {
    hint: `nothing was done; --yes ${name} confirms it`,
  });
}

async function typedLine(name: string): Promise<string> {
  remark(`type ${name} to do that`);
  for await (const chunk of process.stdin) return String(chunk).trim();
  return '';
}
