import { secretName } from '../../config/secret-name.ts';
import type { DeliveredSecret, MachineSecrets } from '../../protocol/secrets.ts';
import type { NodeIdentity } from './enrol.ts';
import type { Enrolment } from './enrolment.ts';

export type ReadSecret = (name: string) => Promise<Uint8Array | undefined>;

/** `$id$…`, without what would end its field in shadow(5). */
const isHash = (text: string): boolean => /^\$[a-z0-9]+\$[^\s:!*]{10,}$/i.test(text);

/**
 * The secrets that config.d gives a node, of those that its proof is good for: one that has shown its presence on the network
 * only gets what says `trust: network`.
 */
export async function secretsFor(
  { node, identity, users }: NodeIdentity,
  { proof }: Pick<Enrolment, 'proof'>,
  read: ReadSecret,
): Promise<MachineSecrets> {
  const secrets: DeliveredSecret[] = [];
  const missing: Record<string, string> = Object.create(null);
  for (const [path, { secret, trust, owner, group, credential }] of Object.entries(identity.secrets)) {
    if (proof === 'network' && trust !== 'network') {
      missing[path] = 'it is for machines that were proven by an earlier key or a person';
      continue;
    }
    const content = await read(secretName(secret)).catch(() => undefined);
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
  const passwords: Record<string, string> = Object.create(null);
  for (const [user, { password }] of Object.entries(users)) {
    if (!password?.startsWith('secret:')) continue;
    // Who only showed its presence on the network gets no hash to try words on.
    const hash = proof === 'network' ? undefined : await read(password.slice('secret:'.length)).catch(() => undefined);
    const text = Buffer.from(hash ?? [])
      .toString()
      .trim();
    if (isHash(text)) passwords[user] = text;
    else
      missing[`the password of ${user}`] =
        hash === undefined ? `the server gives no ${password}` : `${password} is no hash of crypt(5)`;
  }
  return { node, secrets, passwords, missing };
}
