import type { KeyObject } from 'node:crypto';
import type { Config } from '../../config/config.ts';
import { StatectlError } from '../../error.ts';
import type { Authority } from '../../identity/certificates/authority.ts';
import { fingerprintOf, keyDigest } from '../../identity/certificates/fingerprint.ts';
import { issueCertificate } from '../../identity/certificates/leaf-certificate.ts';
import type { Claims } from '../../protocol/claims.ts';
import type { EnrolAnswer } from '../../protocol/enrolment.ts';
import type { MachineIdentity } from '../../protocol/machine-identity.ts';
import { identityOf } from '../../protocol/machine-identity.ts';
import type { BootTokens } from './boot-tokens.ts';
import type { Enrolment } from './enrolment.ts';
import type { Enrolments } from './enrolments.ts';

/** What config.d says of the identity of a node. */
export interface NodeIdentity {
  readonly node: string;
  readonly identity: Config['identity'];
  /** Why none may certify the names that it would have: one of them is another's. */
  readonly nameFault?: string;
  readonly users: Config['users']['users'];
}

export interface NodeIdentities {
  /** undefined: no node file names the machine, or two do. */
  ofMachine(machine: MachineIdentity): Promise<NodeIdentity | undefined>;
  /** undefined: there is no such node any more. */
  ofNode(name: string): Promise<NodeIdentity | undefined>;
}

export interface EnrolRequest {
  readonly publicKey: KeyObject;
  readonly claims: Claims;
  /** Address that it asks from. */
  readonly remote: string;
  /** Of a certificate of ours that it showed: the digest of its key. */
  readonly earlierDigest?: string;
  readonly token?: string;
}

export interface EnrolOptions {
  readonly enrolments: Enrolments;
  readonly authority: Authority;
  readonly nodes: NodeIdentities;
  readonly tokens: BootTokens;
  readonly now: () => number;
}

/** A clock that is slow by this much still takes a certificate that was made just now. */
const SKEW_MS = 24 * 3_600_000;

/**
 * One request of a machine for a certificate. A key counts for a node when an earlier key of that node, a person, or where
 * its record says `trust: network` a boot token proves it. Everybody else waits, and changes nothing but the list of those who do.
 */
export async function enrol(options: EnrolOptions, request: EnrolRequest): Promise<EnrolAnswer> {
  const { enrolments } = options;
  const digest = keyDigest(request.publicKey);
  const known = enrolments.find(digest);
  if (known?.state === 'denied' || known?.state === 'revoked')
    return { state: 'denied', fingerprint: fingerprintOf(digest) };
  if (known?.state === 'approved') return certify(options, request, known);
  const proven = await prove(options, request, digest);
  if (proven) return certify(options, request, proven);
  const found = await options.nodes.ofMachine(identityOf(request.claims));
  const alarm = alarmOf(options, request, found?.node);
  const { state } = enrolments.wait({
    digest,
    claims: request.claims,
    remote: request.remote,
    ...(found && { node: found.node }),
    ...(alarm !== undefined && { alarm }),
  });
  // A person may have decided while this was looked up.
  return { state: state === 'pending' ? 'pending' : 'denied', fingerprint: fingerprintOf(digest) };
}

/** Why a person should look twice before this key is let in. */
function alarmOf(
  { enrolments }: EnrolOptions,
  { earlierDigest }: EnrolRequest,
  node: string | undefined,
): string | undefined {
  const earlier = earlierDigest === undefined ? undefined : enrolments.find(earlierDigest);
  if (earlier?.state === 'revoked' || earlier?.state === 'denied')
    return `it shows the certificate of a key that was ${earlier.state}: ${fingerprintOf(earlier.digest)}`;
  if (node === undefined) return undefined;
  const other = enrolments.approvedFor(node);
  if (other) return `${node} has another key already: ${fingerprintOf(other.digest)}`;
  return enrolments.wasRevoked(node) ? `a key of ${node} was revoked` : undefined;
}

/** An earlier key, or a token of a node that trusts the network. */
async function prove(
  { enrolments, nodes, tokens }: EnrolOptions,
  { claims, remote, earlierDigest, token }: EnrolRequest,
  digest: string,
): Promise<Enrolment | undefined> {
  const earlier = earlierDigest === undefined ? undefined : enrolments.find(earlierDigest);
  // The key that it had says which node it is, whatever it claims now.
  if (earlier?.state === 'approved' && earlier.node) {
    // It vouches for no more than was proven of itself: else a second key would open what a token does not.
    const proof = earlier.proof === 'network' ? 'network' : 'earlier-key';
    return enrolments.approve({ digest, node: earlier.node, claims, remote, proof });
  }
  if (token === undefined) return undefined;
  const found = await nodes.ofMachine(identityOf(claims));
  // Spent in any case: whoever saw it cannot try it on another node.
  const isToken = tokens.spend(token, found?.node);
  if (!found || !isToken || found.identity.trust !== 'network') return undefined;
  // A machine without a disk has another key at each boot. What a person or an earlier key vouched for gives way to no token.
  const other = enrolments.approvedFor(found.node);
  // Nor does a token bring back a machine whose key a person revoked: its next one would be in again at once.
  if (other ? other.proof !== 'network' : enrolments.wasRevoked(found.node)) return undefined;
  const decided = enrolments.find(digest)?.state;
  if (decided === 'denied' || decided === 'revoked') return undefined;
  return enrolments.approve({ digest, node: found.node, claims, remote, proof: 'network' });
}

async function certify(
  { enrolments, authority, nodes, now }: EnrolOptions,
  { publicKey, remote }: EnrolRequest,
  enrolment: Enrolment,
): Promise<EnrolAnswer> {
  const { node, digest, proof = 'person' } = enrolment;
  if (node === undefined) throw new StatectlError('node-missing', 'this key counts for no node');
  const found = await nodes.ofNode(node);
  refuseNamesOf(found);
  const { names = [], certificate } = found?.identity ?? {};
  const notAfterMs = now() + (certificate?.lifetimeMs ?? 30 * 86_400_000);
  const issued = await issueCertificate(authority, {
    publicKey,
    commonName: node,
    dnsNames: [node, ...names],
    role: 'machine',
    notBeforeMs: now() - SKEW_MS,
    notAfterMs,
  });
  enrolments.seen(digest, remote, notAfterMs);
  return { state: 'approved', node, certificatePem: issued.pem, proof };
}

/** The last line: config.d may be older than the check that refuses such names. Throws `name-refused`. */
export function refuseNamesOf(found: Pick<NodeIdentity, 'nameFault'> | undefined): void {
  if (found?.nameFault !== undefined)
    throw new StatectlError('name-refused', found.nameFault, { hint: '`statectl config check` says where it is' });
}
