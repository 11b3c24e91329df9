import type { NodeIdentity } from './enrol.ts';
import type { Enrolment } from './enrolments.ts';

export type ReadSecret = (name: string) => Promise<Uint8Array | undefined>;

/** A secret as a machine gets it: a file of mode 0600. */
export interface DeliveredSecret {
  readonly path: string;
  readonly owner: string;
  readonly group: string;
  /** Also a systemd credential of this name. */
  readonly credential?: string;
  /** Base64. */
  readonly content: string;
}

export interface MachineSecrets {
  readonly node: string;
  readonly secrets: readonly DeliveredSecret[];
  /** Why some that config.d names are not among them: by path. */
  readonly missing: Readonly<Record<string, string>>;
}

/**
 * The secrets that config.d gives a node, of those that its proof is good for: one that has shown its presence on the network
 * only gets what says `trust: network`.
 */
export async function secretsFor(
  { node, identity }: NodeIdentity,
  { proof }: Pick<Enrolment, 'proof'>,
  read: ReadSecret,
): Promise<MachineSecrets> {
  const secrets: DeliveredSecret[] = [];
  const missing: Record<string, string> = {};
  for (const [path, { secret, trust, owner, group, credential }] of Object.entries(identity.secrets)) {
    if (proof === 'network' && trust !== 'network') {
      missing[path] = 'it is for machines that were proven by an earlier key or a person';
      continue;
    }
    const content = await read(secret.replace(/^secret:/, '')).catch(() => undefined);
    if (content === undefined) missing[path] = `the server has no ${secret}`;
    else
      secrets.push({
        path,
        owner,
        group,
        ...(credential !== undefined && { credential }),
        content: Buffer.from(content).toString('base64'),
      });
  }
  return { node, secrets, missing };
}
