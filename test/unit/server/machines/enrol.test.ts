import { createPublicKey, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { IdentityFile } from '../../../../src/config/schema/identity.ts';
import { keyDigest } from '../../../../src/identity/certificates/fingerprint.ts';
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

const ask = (key: KeyObject, more: Partial<EnrolRequest> = {}, lab = LAB) =>
  enrol(
    {
      enrolments,
      tokens,
      authority: { privateKey: CA.key, certificatePem: CA.pem },
      nodes: {
        async ofMachine() {
          meanwhile();
          return lab;
        },
        ofNode: async () => lab,
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
