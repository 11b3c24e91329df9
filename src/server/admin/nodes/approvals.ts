import { StatectlError } from '../../../error.ts';
import { fingerprintOf, parseFingerprint } from '../../../identity/certificates/fingerprint.ts';
import type { Enrolment } from '../../machines/enrolment.ts';
import { approve, decide } from '../../machines/enrolments.ts';
import { withRivals } from '../../machines/pending-alarm.ts';
import type { NodesChange, NodesView } from '../../store/nodes-store.ts';
import type { ServerState } from '../server-state.ts';

/** Who waits, or whoever asked, each with why a person should look at it. */
export const keysOfMachines = (state: ServerState, which: 'pending' | 'all'): Promise<readonly Enrolment[]> =>
  state.withNodes(async (nodes) => withRivals(await nodes.enrolments(which === 'all' ? {} : { state: which })));

/** What is chosen is what is decided: both are one transaction. */
const deciding = (state: ServerState, task: (nodes: NodesChange) => Promise<Enrolment>): Promise<Enrolment> =>
  state.withNodes((nodes) => nodes.transaction(task));

/**
 * Lets the key of this fingerprint count, for this node or for the one that it said first. Throws `fingerprint-needed`,
 * `enrolment-unknown`, `enrolment-ambiguous`, `node-missing`.
 */
export const approveKey = (state: ServerState, word: string, asNode?: string): Promise<Enrolment> =>
  deciding(state, async (nodes) => {
    const { digest, claims, remote, ...found } = await byFingerprint('approve', nodes, word);
    const node = asNode ?? found.node;
    if (node === undefined)
      throw new StatectlError('node-missing', `config.d names no node for ${claims.mac ?? 'this machine'}`, {
        hint: `say which it is: --node NAME; \`statectl node add NAME --mac ${claims.mac ?? 'MAC'}\` makes one`,
      });
    return approve(nodes, { digest, claims, remote, node, proof: 'person' }, state.host.clock.now());
  });

/** Throws `fingerprint-needed`, `enrolment-unknown`, `enrolment-ambiguous`. */
export const denyKey = (state: ServerState, word: string): Promise<Enrolment> =>
  deciding(state, async (nodes) => decided(nodes, await byFingerprint('deny', nodes, word), 'denied'));

/** By fingerprint, or by the node that it counts for. Throws `enrolment-unknown`, `enrolment-ambiguous`. */
export const revokeKey = (state: ServerState, word: string): Promise<Enrolment> =>
  deciding(state, async (nodes) => decided(nodes, await chosen(nodes, word, ['approved']), 'revoked'));

/** By fingerprint, or by the node that it is or says; gives what was known of it. Throws `enrolment-unknown`, `enrolment-ambiguous`. */
export const forgetKey = (state: ServerState, word: string): Promise<Enrolment> =>
  deciding(state, async (nodes) => {
    const one = await chosen(nodes, word, ['pending', 'approved', 'denied', 'revoked']);
    await nodes.dropEnrolments([one.digest]);
    return one;
  });

const decided = async (nodes: NodesChange, one: Enrolment, state: 'denied' | 'revoked'): Promise<Enrolment> =>
  (await decide(nodes, one.digest, state)) ?? one;

/** Its key, whatever it is called. Throws `enrolment-unknown`, `enrolment-ambiguous`. */
async function ofFingerprint(nodes: NodesView, fingerprint: string): Promise<Enrolment> {
  const [one, ...others] = (await nodes.enrolments()).filter(({ digest }) => fingerprintOf(digest) === fingerprint);
  if (one === undefined)
    throw new StatectlError('enrolment-unknown', `no machine of that fingerprint: ${fingerprint}`, {
      hint: 'see `statectl node pending --all`; the machine shows its fingerprint on its console',
    });
  if (others.length > 0)
    throw new StatectlError('enrolment-ambiguous', `${others.length + 1} keys have the fingerprint ${fingerprint}`, {
      hint: 'that is no accident: deny nothing and approve nothing before you know who made them',
    });
  return one;
}

/**
 * One that waits is known by its fingerprint alone: a name is what it says, and another may say so a moment later. Throws
 * `fingerprint-needed`, `enrolment-unknown`, `enrolment-ambiguous`.
 */
async function byFingerprint(verb: string, nodes: NodesView, word: string): Promise<Enrolment> {
  const fingerprint = parseFingerprint(word);
  if (fingerprint !== undefined) return ofFingerprint(nodes, fingerprint);
  const meant = (await nodes.enrolments())
    .filter(({ node, digest, state }) => (node === word && state !== 'approved') || isStartOf(word, digest))
    .map(({ digest }) => fingerprintOf(digest));
  throw new StatectlError('fingerprint-needed', `"${word}" is no fingerprint, and a name proves nothing`, {
    hint:
      meant.length > 0
        ? `compare with what the machine shows on its console, then: ${meant.map((one) => `statectl node ${verb} ${one}`).join('; or: ')}`
        : 'it is twenty letters, a-z and 2-7, such as k7fj-2m4q-aaxz-7ddo-q3ba: see `statectl node pending`',
  });
}

const isStartOf = (word: string, digest: string): boolean =>
  word.length >= 4 && fingerprintOf(digest).startsWith(word.toLowerCase());

/** By fingerprint, or by node where one of its keys is in one of the states. Throws `enrolment-unknown`, `enrolment-ambiguous`. */
async function chosen(nodes: NodesView, word: string, states: readonly Enrolment['state'][]): Promise<Enrolment> {
  const fingerprint = parseFingerprint(word);
  if (fingerprint !== undefined) return ofFingerprint(nodes, fingerprint);
  const ofNode = await nodes.enrolments({ node: word });
  const [one, ...others] = ofNode.filter(({ state }) => states.includes(state));
  if (one === undefined)
    throw new StatectlError('enrolment-unknown', `no machine of that fingerprint or name: ${word}`, {
      hint: 'see `statectl node pending --all`; the machine shows its fingerprint on its console',
    });
  // Somebody pretends to be this node: the name does not say who is meant.
  if (others.length > 0)
    throw new StatectlError('enrolment-ambiguous', `${others.length + 1} keys say that they are ${word}`, {
      hint: `name one by its fingerprint: ${[one, ...others].map(({ digest }) => fingerprintOf(digest)).join(', ')}`,
    });
  return one;
}
