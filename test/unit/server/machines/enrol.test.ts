import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IdentityFile } from '../../../../src/config/schema/identity.ts';
import { linuxHost } from '../../../../src/host/linux/host.ts';
import { fingerprintOf, keyDigest } from '../../../../src/identity/certificates/fingerprint.ts';
import { type BootTokens, bootTokens } from '../../../../src/server/machines/boot-tokens.ts';
import { type EnrolRequest, enrol, type NodeIdentity } from '../../../../src/server/machines/enrol.ts';
import { MOST_PENDING_OF_ADDRESS } from '../../../../src/server/machines/pending-room.ts';
import { makeCertificate, newKey } from '../../../fixtures/identity/certificates.ts';
import { type MachineKeys, machineKeysIn } from '../../../fixtures/identity/machine-keys.ts';
import { memoryNodes } from '../../../fixtures/server/memory-nodes.ts';

const CA = await makeCertificate({ name: 'Ours' });
const TEN_MINUTES_MS = 10 * 60_000;
const LAB: NodeIdentity = { node: 'lab', identity: IdentityFile.parse({ trust: 'network' }), users: {} };

let nowMs: number;
let enrolments: MachineKeys;
let tokens: BootTokens;
/** While a machine is looked up. */
let meanwhile: () => unknown;
/** While it is signed for. */
let certifying: () => unknown;
beforeEach(async () => {
  nowMs = Date.now();
  enrolments = machineKeysIn(memoryNodes(linuxHost().clock).open(), { now: () => nowMs });
  tokens = bootTokens(() => nowMs);
  meanwhile = () => {};
  certifying = () => {};
});
afterEach(() => enrolments[Symbol.asyncDispose]());

const ask = (key: KeyObject, more: Partial<EnrolRequest> = {}, lab: NodeIdentity | null = LAB) =>
  enrol(
    {
      store: enrolments.store,
      tokens,
      authority: { privateKey: CA.key, certificatePem: CA.pem },
      nodes: {
        async ofMachine() {
          await meanwhile();
          return lab ?? undefined;
        },
        async ofNode() {
          await certifying();
          return lab ?? undefined;
        },
      },
      now: () => nowMs,
    },
    { publicKey: createPublicKey(key), claims: { mac: '52:54:00:12:34:01' }, remote: '10.0.0.1', ...more },
  );
const token = (): string => {
  const answer = tokens.take('lab', '10.0.0.1');
  return 'token' in answer ? answer.token : '';
};
const approve = (key: KeyObject, proof: 'person' | 'network' = 'person') =>
  enrolments.approve({ digest: keyDigest(key), node: 'lab', claims: {}, remote: '10.0.0.1', proof });

describe('a boot token', () => {
  it('counts for ten minutes, and not a moment longer', async () => {
    const inTime = token();
    nowMs += TEN_MINUTES_MS - 1;
    expect(tokens.spend(inTime, 'lab')).toBe(true);
    const late = token();
    nowMs += TEN_MINUTES_MS;
    expect(tokens.spend(late, 'lab')).toBe(false);
    const over = token();
    nowMs += TEN_MINUTES_MS;
    expect((await ask(newKey(), { token: over })).state).toBe('pending');
    expect(await enrolments.approvedFor('lab')).toBeUndefined();
  });

  it.each(['denied', 'revoked'] as const)(
    'does not let a key in that was %s while its machine was looked up',
    async (state) => {
      const key = newKey();
      await ask(key);
      meanwhile = () => enrolments.decide(keyDigest(key), state);
      // A person denied it: no other key of this node was ever approved or revoked.
      expect((await ask(key, { token: token() })).state).toBe('denied');
      expect((await enrolments.find(keyDigest(key)))?.state).toBe(state);
    },
  );
});

it('a token lets no key in that was revoked as another node while its machine was looked up', async () => {
  const key = newKey();
  await ask(key, {}, { ...LAB, node: 'print01' });
  meanwhile = () => enrolments.decide(keyDigest(key), 'revoked');
  expect((await ask(key, { token: token() })).state).toBe('denied');
  expect(await enrolments.approvedFor('lab')).toBeUndefined();
});

describe('a key that does not count any more', () => {
  it.each(['denied', 'revoked'] as const)('and was %s gets nothing for showing another that counts', async (state) => {
    const [bad, good] = [newKey(), newKey()];
    await ask(bad);
    await enrolments.decide(keyDigest(bad), state);
    await approve(good);
    const answer = await ask(bad, { earlierDigest: keyDigest(good) });
    expect(answer.state).toBe('denied');
    expect((await enrolments.find(keyDigest(bad)))?.state).toBe(state);
    expect((await enrolments.find(keyDigest(good)))?.state).toBe('approved');
  });

  it('stays revoked, though the network alone had proven it, when another key takes its place', async () => {
    const [stolen, next] = [newKey(), newKey()];
    await approve(stolen, 'network');
    await enrolments.decide(keyDigest(stolen), 'revoked');
    await approve(next);
    expect((await enrolments.find(keyDigest(stolen)))?.state).toBe('revoked');
    // One that was never revoked leaves nothing behind.
    const [third, fourth] = [newKey(), newKey()];
    await approve(third, 'network');
    await approve(fourth, 'network');
    expect(await enrolments.find(keyDigest(third))).toBeUndefined();
    expect((await enrolments.find(keyDigest(stolen)))?.state).toBe('revoked');
  });
});

describe('a certificate', () => {
  const DAY_MS = 86_400_000;
  const issue = async (lab: NodeIdentity | null) => {
    nowMs = Date.UTC(2026, 10, 20, 12);
    const key = newKey();
    await approve(key);
    const answer = await ask(key, { remote: '10.0.0.9' }, lab);
    if (answer.state !== 'approved') throw new Error(answer.state);
    const { subject, subjectAltName, keyUsage, validFromDate, validToDate, ...certificate } = new X509Certificate(
      answer.certificatePem,
    );
    expect(new X509Certificate(answer.certificatePem).checkPrivateKey(key)).toBe(true);
    expect(await enrolments.find(keyDigest(key))).toMatchObject({
      ...{ remote: '10.0.0.9', certificateUntilMs: validToDate.getTime() },
    });
    const days = [validFromDate, validToDate].map((date) => (date.getTime() - nowMs) / DAY_MS);
    return { ...certificate, state: answer, subject, names: subjectAltName, keyUsage, days };
  };

  it('is for the node, by its names, for as long as its record says, and from yesterday for a clock that is slow', async () => {
    const identity = IdentityFile.parse({ names: ['print.lab'], certificate: { lifetime: '2d' } });
    expect(await issue({ ...LAB, identity })).toMatchObject({
      state: { state: 'approved', node: 'lab', proof: 'person' },
      subject: 'CN=lab',
      names: 'DNS:lab, DNS:print.lab',
      keyUsage: ['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1'],
      days: [-1, 2],
    });
  });

  it('goes on for a node that config.d has no more: what it says then is no reason to cut a machine off', async () => {
    expect(await issue(null)).toMatchObject({ subject: 'CN=lab', names: 'DNS:lab', days: [-1, 30] });
  });
});

it('no certificate has a name of servers, also where config.d was not checked', async () => {
  const key = newKey();
  approve(key);
  const identity = { ...LAB.identity, names: ['any.statectl.internal'] };
  await expect(ask(key, {}, { ...LAB, identity })).rejects.toMatchObject({ code: 'name-refused' });
});

describe('who asks without a proof', () => {
  const pending = async () => (await enrolments.list('pending')).map(({ node, alarm }) => ({ node, alarm }));
  const waits = async (more: Partial<EnrolRequest> = {}, lab: NodeIdentity | null = LAB) => {
    const key = newKey();
    const answer = await ask(key, more, lab);
    expect(answer).toEqual({ state: 'pending', fingerprint: fingerprintOf(keyDigest(key)) });
    return (await pending()).at(-1);
  };

  it('waits as the node that it claims to be, or as none', async () => {
    expect(await waits({}, null)).toEqual({ node: undefined, alarm: undefined });
    await enrolments.forget((await enrolments.list())[0]?.digest ?? '');
    expect(await waits()).toEqual({ node: 'lab', alarm: undefined });
  });

  it('waits with an alarm where another key counts, or one was revoked', async () => {
    const key = newKey();
    await approve(key);
    expect((await waits())?.alarm).toBe(`lab has another key already: ${fingerprintOf(keyDigest(key))}`);
    await enrolments.forget((await enrolments.list('pending'))[0]?.digest ?? '');
    await enrolments.decide(keyDigest(key), 'revoked');
    expect((await waits())?.alarm).toBe('a key of lab was revoked');
  });

  it.each(['revoked', 'denied'] as const)('waits with an alarm where it shows a key that was %s', async (state) => {
    const key = newKey();
    await approve(key);
    await enrolments.decide(keyDigest(key), state);
    const shown = `it shows the certificate of a key that was ${state}: ${fingerprintOf(keyDigest(key))}`;
    // Also one that no node file names.
    expect((await waits({ earlierDigest: keyDigest(key) }, null))?.alarm).toBe(shown);
  });

  it('has to be denied only once', async () => {
    const key = newKey();
    meanwhile = () => enrolments.decide(keyDigest(key), 'denied');
    await ask(key);
    expect(await ask(key)).toEqual({ state: 'denied', fingerprint: fingerprintOf(keyDigest(key)) });
  });
});

describe('an earlier key', () => {
  it.each([
    ['person', 'earlier-key'],
    ['network', 'network'],
  ] as const)('that a %s proved vouches for the next as %s, once', async (proof, next) => {
    const [earlier, key] = [newKey(), newKey()];
    await approve(earlier, proof);
    const answer = await ask(key, { earlierDigest: keyDigest(earlier) }, null);
    expect(answer).toMatchObject({ state: 'approved', node: 'lab', proof: next });
    expect((await ask(newKey(), { earlierDigest: keyDigest(earlier) })).state).toBe('pending');
  });

  it.each(['denied', 'revoked', 'pending', 'forgotten'] as const)('that is %s vouches for nothing', async (state) => {
    const earlier = newKey();
    if (state === 'pending') await ask(earlier);
    else await approve(earlier);
    if (state === 'forgotten') await enrolments.forget(keyDigest(earlier));
    else if (state !== 'pending') await enrolments.decide(keyDigest(earlier), state);
    expect((await ask(newKey(), { earlierDigest: keyDigest(earlier) })).state).toBe('pending');
  });
});

describe('a token', () => {
  it('lets a key in, and the next one after it, of a node whose record says so', async () => {
    for (const key of [newKey(), newKey()]) {
      expect(await ask(key, { token: token() })).toMatchObject({ state: 'approved', node: 'lab', proof: 'network' });
      expect(await enrolments.approvedFor('lab')).toMatchObject({ digest: keyDigest(key), proof: 'network' });
    }
  });

  it.each([
    ['a node that is to be proven', { ...LAB, identity: IdentityFile.parse({}) }],
    ['another node', { ...LAB, node: 'print01' }],
    ['no node', null],
  ])('does nothing for %s, and is spent', async (_title, lab) => {
    const given = token();
    expect((await ask(newKey(), { token: given }, lab)).state).toBe('pending');
    expect((await ask(newKey(), { token: given })).state).toBe('pending');
  });

  it.each(['person', 'earlier-key'] as const)('takes no place of a key that a %s vouches for', async (proof) => {
    const key = newKey();
    await enrolments.approve({ digest: keyDigest(key), node: 'lab', claims: {}, remote: '10.0.0.1', proof });
    expect((await ask(newKey(), { token: token() })).state).toBe('pending');
    expect((await enrolments.approvedFor('lab'))?.digest).toBe(keyDigest(key));
  });

  it('does not bring back a node whose key was revoked', async () => {
    const key = newKey();
    await approve(key, 'network');
    await enrolments.decide(keyDigest(key), 'revoked');
    expect((await ask(newKey(), { token: token() })).state).toBe('pending');
  });
});

it('no certificate is given to a node that would have the name of another, whatever proves its key', async () => {
  const key = newKey();
  await approve(key);
  await expect(ask(key, {}, { ...LAB, nameFault: 'print02 is the name of another node' })).rejects.toMatchObject({
    code: 'name-refused',
    message: 'print02 is the name of another node',
  });
});

describe('who asks while something else is decided', () => {
  const states = async () => (await enrolments.list()).map(({ state }) => state).toSorted();

  it('takes no place that another took in the same moment: one earlier key vouches for one key', async () => {
    const earlier = newKey();
    await approve(earlier);
    const shown = { earlierDigest: keyDigest(earlier) };
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(newKey(), shown)));
    expect(answers.map(({ state }) => state).toSorted()).toEqual(['approved', ...Array(4).fill('pending')]);
    expect(await states()).toEqual(['approved', ...Array(4).fill('pending'), 'revoked']);
  });

  it('gets one answer for one key, however often it asks at once', async () => {
    const [earlier, key] = [newKey(), newKey()];
    await approve(earlier);
    const shown = { earlierDigest: keyDigest(earlier) };
    const answers = await Promise.all([1, 2, 3].map(() => ask(key, shown)));
    expect(answers.map(({ state }) => state)).toEqual(['approved', 'approved', 'approved']);
    expect(await states()).toEqual(['approved', 'revoked']);
  });

  it('fills the list of those who wait no further than one after the other would', async () => {
    const asked = await Promise.allSettled(
      Array.from({ length: MOST_PENDING_OF_ADDRESS + 10 }, () => ask(newKey(), {}, null)),
    );
    expect(asked.filter(({ status }) => status === 'rejected')).toHaveLength(10);
    expect(await enrolments.list('pending')).toHaveLength(MOST_PENDING_OF_ADDRESS);
  });

  it('is vouched for by no key that a person revoked while its machine was looked up', async () => {
    const earlier = newKey();
    await approve(earlier);
    meanwhile = () => enrolments.decide(keyDigest(earlier), 'revoked');
    expect((await ask(newKey(), { earlierDigest: keyDigest(earlier) })).state).toBe('pending');
    expect((await enrolments.list('pending'))[0]?.alarm).toContain(
      'it shows the certificate of a key that was revoked',
    );
  });

  it('has what a person approved while its machine was looked up', async () => {
    const key = newKey();
    meanwhile = () => approve(key);
    expect((await ask(key)).state).toBe('approved');
  });

  it.each([
    ['revoked', 'denied', (digest: string) => enrolments.decide(digest, 'revoked')],
    ['forgotten', 'pending', (digest: string) => enrolments.forget(digest)],
    [
      'approved as another node',
      'pending',
      (digest: string) => enrolments.approve({ digest, node: 'print02', claims: {}, remote: '', proof: 'person' }),
    ],
  ] as const)('gets no certificate for a key that was %s while it was signed for', async (_, state, decision) => {
    const key = newKey();
    await approve(key);
    certifying = () => decision(keyDigest(key));
    expect(await ask(key)).toEqual({ state, fingerprint: fingerprintOf(keyDigest(key)) });
  });
});
