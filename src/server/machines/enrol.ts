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
import type { NodePrinter } from '../state/node-printer.ts';
import type { NodesChange, NodesStore } from '../store/nodes-store.ts';
import type { Approved } from './approval.ts';
import type { BootTokens } from './boot-tokens.ts';
import type { Enrolment } from './enrolment.ts';
import { approve, seen, wait } from './enrolments.ts';

/** What config.d says of the identity of a node. */
export interface NodeIdentity {
  readonly node: string;
  readonly identity: Config['identity'];
  /** Why none may certify the names that it would have: one of them is another's. */
  readonly nameFault?: string;
  readonly users: Config['users']['users'];
  /** Whose state it is given, and may ship. */
  readonly printers?: ReadonlyMap<string, NodePrinter>;
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
  readonly store: NodesStore;
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
  const { store, nodes, tokens } = options;
  const digest = keyDigest(request.publicKey);
  const known = await store.enrolment(digest);
  if (known && known.state !== 'pending') return answerTo(options, request, known);
  const found = await nodes.ofMachine(identityOf(request.claims));
  // Spent in any case: whoever saw it cannot try it on another node.
  const isToken = request.token !== undefined && tokens.spend(request.token, found?.node);
  const decided = await store.transaction((keys) =>
    decideOf(keys, { ...request, digest, found, isToken }, options.now()),
  );
  return answerTo(options, request, decided);
}

/** A request, and what was looked up for it. */
interface Asked extends Omit<EnrolRequest, 'token'> {
  readonly digest: string;
  /** What config.d says of the machine that it claims to be. */
  readonly found: NodeIdentity | undefined;
  /** It showed a token of that node. */
  readonly isToken: boolean;
}

/** All in one transaction: a person, or another request, may have decided while the machine was looked up. */
async function decideOf(keys: NodesChange, asked: Asked, nowMs: number): Promise<Enrolment> {
  const { digest, claims, remote, earlierDigest, found } = asked;
  const known = await keys.enrolment(digest);
  if (known && known.state !== 'pending') return known;
  const earlier = earlierDigest === undefined ? undefined : await keys.enrolment(earlierDigest);
  const ofNode = found ? await keys.enrolments({ node: found.node }) : [];
  const proven = proofOf(asked, earlier, ofNode);
  if (proven) return approve(keys, { digest, claims, remote, ...proven }, nowMs);
  const alarm = alarmOf(found?.node, earlier, ofNode);
  const entry = { digest, claims, remote, ...(found && { node: found.node }), ...(alarm !== undefined && { alarm }) };
  return wait(keys, entry, nowMs);
}

/** Why a person should look twice before this key is let in. Pure. */
function alarmOf(
  node: string | undefined,
  earlier: Enrolment | undefined,
  ofNode: readonly Enrolment[],
): string | undefined {
  if (earlier?.state === 'revoked' || earlier?.state === 'denied')
    return `it shows the certificate of a key that was ${earlier.state}: ${fingerprintOf(earlier.digest)}`;
  const other = ofNode.find(({ state }) => state === 'approved');
  if (other) return `${node} has another key already: ${fingerprintOf(other.digest)}`;
  return ofNode.some(({ state }) => state === 'revoked') ? `a key of ${node} was revoked` : undefined;
}

/** An earlier key, or a token of a node that trusts the network. Pure. */
function proofOf(
  { found, isToken }: Asked,
  earlier: Enrolment | undefined,
  ofNode: readonly Enrolment[],
): Pick<Approved, 'node' | 'proof'> | undefined {
  // The key that it had says which node it is, whatever it claims now.
  if (earlier?.state === 'approved' && earlier.node !== undefined)
    // It vouches for no more than was proven of itself: else a second key would open what a token does not.
    return { node: earlier.node, proof: earlier.proof === 'network' ? 'network' : 'earlier-key' };
  if (!found || !isToken || found.identity.trust !== 'network') return undefined;
  const other = ofNode.find(({ state }) => state === 'approved');
  // A machine without a disk has another key at each boot. What a person or an earlier key vouched for gives way to no token.
  // Nor does a token bring back a machine whose key a person revoked: its next one would be in again at once.
  const isFree = other ? other.proof === 'network' : ofNode.every(({ state }) => state !== 'revoked');
  return isFree ? { node: found.node, proof: 'network' } : undefined;
}

/** By what was decided of its key. */
async function answerTo(
  options: EnrolOptions,
  request: EnrolRequest,
  { digest, ...key }: Enrolment,
): Promise<EnrolAnswer> {
  if (key.state === 'approved') return certify(options, request, { digest, ...key });
  return { state: key.state === 'pending' ? 'pending' : 'denied', fingerprint: fingerprintOf(digest) };
}

async function certify(
  { store, authority, nodes, now }: EnrolOptions,
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
  const counts = await store.transaction((keys) =>
    seen(keys, { digest, remote, certificateUntilMs: notAfterMs }, now()),
  );
  if (counts?.state === 'approved' && counts.node === node)
    return { state: 'approved', node, certificatePem: issued.pem, proof };
  // Somebody decided otherwise while it was signed. What was forgotten, or is another node now, asks again.
  const isRefused = counts?.state === 'denied' || counts?.state === 'revoked';
  return { state: isRefused ? 'denied' : 'pending', fingerprint: fingerprintOf(digest) };
}

/** The last line: config.d may be older than the check that refuses such names. Throws `name-refused`. */
export function refuseNamesOf(found: Pick<NodeIdentity, 'nameFault'> | undefined): void {
  if (found?.nameFault !== undefined)
    throw new StatectlError('name-refused', found.nameFault, { hint: '`statectl config check` says where it is' });
}
