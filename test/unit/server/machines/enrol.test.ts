import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { IdentityFile } from '../../../../src/config/schema/identity.ts';
import { fingerprintOf, keyDigest } from '../../../../src/identity/certificates/fingerprint.ts';
import { type BootTokens, bootTokens } from '../../../../src/server/machines/boot-tokens.ts';
import { type EnrolRequest, enrol, type NodeIdentity } from '../../../../src/server/machines/enrol.ts';
import { type Enrolments, openEnrolments } from '../../../../src/server/machines/enrolments.ts';
import { makeCertificate, newKey } from '../../../fixtures/certificates.ts';

const CA = await makeCertificate({ name: 'Ours' });
const TEN_MINUTES_MS = 10 * 60_000;
const LAB: NodeIdentity = { node: 'lab', identity: IdentityFile.parse({ trust: 'network' }), users: {} };

let nowMs: number;
let enrolments: Enrolments;
let tokens: BootTokens;
/** While a machine is looked up. */
let meanwhile: () => void;
beforeEach(() => {
  nowMs = Date.now();
  enrolments = openEnrolments(':memory:', () => nowMs);
  tokens = bootTokens(() => nowMs);
  meanwhile = () => {};
});
afterEach(() => enrolments[Symbol.dispose]());

const ask = (key: KeyObject, more: Partial<EnrolRequest> = {}, lab: NodeIdentity | null = LAB) =>
  enrol(
    {
      enrolments,
      tokens,
      authority: { privateKey: CA.key, certificatePem: CA.pem },
      nodes: {
        async ofMachine() {
          meanwhile();
          return lab ?? undefined;
        },
        ofNode: async () => lab ?? undefined,
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
    expect(enrolments.approvedFor('lab')).toBeUndefined();
  });

  it.each(['denied', 'revoked'] as const)(
    'does not let a key in that was %s while its machine was looked up',
    async (state) => {
      const key = newKey();
      await ask(key);
      meanwhile = () => enrolments.decide(keyDigest(key), state);
      // A person denied it: no other key of this node was ever approved or revoked.
      expect((await ask(key, { token: token() })).state).toBe('denied');
      expect(enrolments.find(keyDigest(key))?.state).toBe(state);
    },
  );
});

it('a token lets no key in that was revoked as another node while its machine was looked up', async () => {
  const key = newKey();
  await ask(key, {}, { ...LAB, node: 'print01' });
  meanwhile = () => enrolments.decide(keyDigest(key), 'revoked');
  expect((await ask(key, { token: token() })).state).toBe('denied');
  expect(enrolments.approvedFor('lab')).toBeUndefined();
});

describe('a key that does not count any more', () => {
  it.each(['denied', 'revoked'] as const)('and was %s gets nothing for showing another that counts', async (state) => {
    const [bad, good] = [newKey(), newKey()];
    await ask(bad);
    enrolments.decide(keyDigest(bad), state);
    approve(good);
    const answer = await ask(bad, { earlierDigest: keyDigest(good) });
    expect(answer.state).toBe('denied');
    expect([keyDigest(bad), keyDigest(good)].map((digest) => enrolments.find(digest)?.state)).toEqual([
      state,
      'approved',
    ]);
  });

  it('stays revoked, though the network alone had proven it, when another key takes its place', () => {
    const [stolen, next] = [newKey(), newKey()];
    approve(stolen, 'network');
    enrolments.decide(keyDigest(stolen), 'revoked');
    approve(next);
    expect(enrolments.find(keyDigest(stolen))?.state).toBe('revoked');
    // One that was never revoked leaves nothing behind.
    const [third, fourth] = [newKey(), newKey()];
    approve(third, 'network');
    approve(fourth, 'network');
    expect(enrolments.find(keyDigest(third))).toBeUndefined();
    expect(enrolments.find(keyDigest(stolen))?.state).toBe('revoked');
  });
});

describe('a certificate', () => {
  const DAY_MS = 86_400_000;
  const issue = async (lab: NodeIdentity | null) => {
    nowMs = Date.UTC(2026, 10, 20, 12);
    const key = newKey();
    approve(key);
    const answer = await ask(key, { remote: '10.0.0.9' }, lab);
    if (answer.state !== 'approved') throw new Error(answer.state);
    const { subject, subjectAltName, keyUsage, validFromDate, validToDate, ...certificate } = new X509Certificate(
      answer.certificatePem,
    );
    expect(new X509Certificate(answer.certificatePem).checkPrivateKey(key)).toBe(true);
    expect(enrolments.find(keyDigest(key))).toMatchObject({
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
  const pending = () => enrolments.list('pending').map(({ node, alarm }) => ({ node, alarm }));
  const waits = async (more: Partial<EnrolRequest> = {}, lab: NodeIdentity | null = LAB) => {
    const key = newKey();
    const answer = await ask(key, more, lab);
    expect(answer).toEqual({ state: 'pending', fingerprint: fingerprintOf(keyDigest(key)) });
    return pending().at(-1);
  };

  it('waits as the node that it claims to be, or as none', async () => {
    expect(await waits({}, null)).toEqual({ node: undefined, alarm: undefined });
    enrolments.forget(enrolments.list()[0]?.digest ?? '');
    expect(await waits()).toEqual({ node: 'lab', alarm: undefined });
  });

  it('waits with an alarm where another key counts, or one was revoked', async () => {
    const key = newKey();
    approve(key);
    expect((await waits())?.alarm).toBe(`lab has another key already: ${fingerprintOf(keyDigest(key))}`);
    enrolments.forget(enrolments.list('pending')[0]?.digest ?? '');
    enrolments.decide(keyDigest(key), 'revoked');
    expect((await waits())?.alarm).toBe('a key of lab was revoked');
  });

  it.each(['revoked', 'denied'] as const)('waits with an alarm where it shows a key that was %s', async (state) => {
    const key = newKey();
    approve(key);
    enrolments.decide(keyDigest(key), state);
    const shown = `it shows the certificate of a key that was ${state}: ${fingerprintOf(keyDigest(key))}`;
    // Also one that no node file names.
    expect((await waits({ earlierDigest: keyDigest(key) }, null))?.alarm).toBe(shown);
  });

  it('has to be denied only once', async () => {
    const key = newKey();
    meanwhile = () => void enrolments.decide(keyDigest(key), 'denied');
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
    approve(earlier, proof);
    const answer = await ask(key, { earlierDigest: keyDigest(earlier) }, null);
    expect(answer).toMatchObject({ state: 'approved', node: 'lab', proof: next });
    expect((await ask(newKey(), { earlierDigest: keyDigest(earlier) })).state).toBe('pending');
  });

  it.each(['denied', 'revoked', 'pending', 'forgotten'] as const)('that is %s vouches for nothing', async (state) => {
    const earlier = newKey();
    if (state === 'pending') await ask(earlier);
    else approve(earlier);
    if (state === 'forgotten') enrolments.forget(keyDigest(earlier));
    else if (state !== 'pending') enrolments.decide(keyDigest(earlier), state);
    expect((await ask(newKey(), { earlierDigest: keyDigest(earlier) })).state).toBe('pending');
  });
});

describe('a token', () => {
  it('lets a key in, and the next one after it, of a node whose record says so', async () => {
    for (const key of [newKey(), newKey()]) {
      expect(await ask(key, { token: token() })).toMatchObject({ state: 'approved', node: 'lab', proof: 'network' });
      expect(enrolments.approvedFor('lab')).toMatchObject({ digest: keyDigest(key), proof: 'network' });
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
    enrolments.approve({ digest: keyDigest(key), node: 'lab', claims: {}, remote: '10.0.0.1', proof });
    expect((await ask(newKey(), { token: token() })).state).toBe('pending');
    expect(enrolments.approvedFor('lab')?.digest).toBe(keyDigest(key));
  });

  it('does not bring back a node whose key was revoked', async () => {
    const key = newKey();
    approve(key, 'network');
    enrolments.decide(keyDigest(key), 'revoked');
    expect((await ask(newKey(), { token: token() })).state).toBe('pending');
  });
});

it('no certificate is given to a node that would have the name of another, whatever proves its key', async () => {
  const key = newKey();
  approve(key);
  await expect(ask(key, {}, { ...LAB, nameFault: 'print02 is the name of another node' })).rejects.toMatchObject({
    code: 'name-refused',
    message: 'print02 is the name of another node',
  });
});

it('what was decided of a key is on the disk before anybody hears of it', () => {
  const dir = mkdtempSync(join(tmpdir(), 'statectl-enrolments-'));
  const exec = vi.spyOn(DatabaseSync.prototype, 'exec');
  try {
    using _ = openEnrolments(join(dir, 'nodes.sqlite'), Date.now);
    const database = exec.mock.contexts[0] as DatabaseSync;
    // sqlite.org/pragma.html: 2 is FULL. Of WAL, NORMAL may lose the last commits at a power cut.
    expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  } finally {
    exec.mockRestore();
    rmSync(dir, { recursive: true });
  }
});
