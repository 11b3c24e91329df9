import { describe, expect, it } from 'vitest';
import { linuxHost } from '../../../../src/host/linux/host.ts';
import { fingerprintOf } from '../../../../src/identity/certificates/fingerprint.ts';
import { MOST_REVOKED_OF_NODE } from '../../../../src/server/machines/approval.ts';
import { seen } from '../../../../src/server/machines/enrolments.ts';
import {
  MOST_PENDING,
  MOST_PENDING_OF_ADDRESS,
  PENDING_LIFETIME_MS,
} from '../../../../src/server/machines/pending-room.ts';
import { sized } from '../../../fixtures/effort.ts';
import { machineKeysIn } from '../../../fixtures/identity/machine-keys.ts';
import { memoryNodes } from '../../../fixtures/server/memory-nodes.ts';

const make = (now: () => number = Date.now) => machineKeysIn(memoryNodes(linuxHost().clock).open(), { now });

describe('the list of those who wait', () => {
  const entry = (index: number, remote: string, node?: string) => ({
    digest: String(index),
    claims: {},
    remote,
    ...(node && { node }),
  });

  it('is bounded for one address', async () => {
    await using enrolments = make();
    for (let index = 0; index < MOST_PENDING_OF_ADDRESS; index += 1) await enrolments.wait(entry(index, 'a'));
    await expect(enrolments.wait(entry(9999, 'a'))).rejects.toThrow(expect.objectContaining({ code: 'pending-full' }));
    expect((await enrolments.wait(entry(9999, 'b'))).state).toBe('pending');
    // Who waits already may ask again.
    expect((await enrolments.wait(entry(0, 'a'))).state).toBe('pending');
  });

  it('is bounded for one network of IPv6, in which a machine has every address', async () => {
    await using enrolments = make();
    const wait = (remote: string) => enrolments.wait({ digest: remote, claims: {}, remote });
    for (let index = 0; index < MOST_PENDING_OF_ADDRESS; index += 1) await wait(`2001:db8:0:7::${index.toString(16)}`);
    await expect(wait('2001:db8:0:7:aaaa:bbbb:cccc:dddd')).rejects.toThrow(
      'machines wait already that asked from this address',
    );
    await wait('2001:db8:0:8::1');
    await wait('2001:db8::7');
    await wait('::ffff:10.0.0.1');
  });

  it('never brings back a key that was denied while it was looked up', async () => {
    await using enrolments = make();
    const entry = { digest: 'k', claims: {}, remote: '10.0.0.1' };
    await enrolments.wait(entry);
    await enrolments.decide('k', 'denied');
    expect((await enrolments.wait(entry)).state).toBe('denied');
  });

  it('remembers the last keys that others took the place of, however often a machine exchanges its key', async () => {
    await using enrolments = make();
    for (let index = 0; index < 100; index += 1)
      await enrolments.approve({
        ...{ digest: `key ${index}`, node: 'print01', claims: {}, remote: '10.0.0.1', proof: 'earlier-key' },
      });
    const last = Array.from({ length: MOST_REVOKED_OF_NODE }, (_, at) => `key ${99 - MOST_REVOKED_OF_NODE + at}`);
    expect((await enrolments.list('revoked')).map(({ digest }) => digest)).toEqual(last);
    expect((await enrolments.approvedFor('print01'))?.digest).toBe('key 99');
    expect(await enrolments.approvedFor('print02')).toBeUndefined();
  });

  it('is bounded in all, and a machine that config.d knows still gets in', async () => {
    await using enrolments = make();
    for (let index = 0; index < MOST_PENDING + 100; index += 1)
      try {
        await enrolments.wait(entry(index, `10.0.${index >> 6}.1`));
      } catch {}
    expect(await enrolments.list('pending')).toHaveLength(MOST_PENDING);
    expect((await enrolments.wait(entry(20_000, 'lab', 'print01'))).node).toBe('print01');
    expect(await enrolments.list('pending')).toHaveLength(MOST_PENDING);
    // Also where its own address has had its share: one gives way, no more.
    expect((await enrolments.wait(entry(20_001, '10.0.0.1', 'print01'))).node).toBe('print01');
    expect(await enrolments.list('pending')).toHaveLength(MOST_PENDING);
  });

  it('that is full of strangers takes no other, where each is of a network of its own', async () => {
    await using enrolments = make();
    const wait = (index: number) => enrolments.wait(entry(index, `10.${index >> 8}.${index & 255}.1`));
    for (let index = 0; index < MOST_PENDING; index += 1) await wait(index);
    await expect(wait(MOST_PENDING)).rejects.toThrow(
      expect.objectContaining({ code: 'pending-full', message: '1000 machines wait already' }),
    );
  });

  it('that is full of names which config.d knows still takes a machine from elsewhere, which cannot be pushed out from there', async () => {
    await using enrolments = make();
    // From 16 addresses of one network, each of which claims every name.
    const flood = async (from: number, count: number) => {
      for (let index = from; index < from + count; index += 1)
        try {
          await enrolments.wait(entry(index, `10.0.0.${index >> 6}`, `print${index % 64}`));
        } catch {}
    };
    await flood(0, MOST_PENDING);
    expect(await enrolments.list('pending')).toHaveLength(MOST_PENDING);
    for (const [digest, remote] of [
      [90_000, '10.0.7.1'],
      // Also in the same network.
      [90_001, '10.0.0.200'],
    ] as const)
      expect((await enrolments.wait(entry(digest, remote, 'print07'))).state).toBe('pending');
    await flood(10_000, sized(100, MOST_PENDING));
    expect(await enrolments.list('pending')).toHaveLength(MOST_PENDING);
    for (const digest of ['90000', '90001']) expect((await enrolments.find(digest))?.state).toBe('pending');
  });

  it('is left by who did not ask again for a week', async () => {
    let nowMs = 0;
    await using enrolments = make(() => nowMs);
    await enrolments.wait(entry(1, 'a'));
    await enrolments.wait(entry(2, 'b'));
    await enrolments.approve({ ...entry(3, 'c'), node: 'print01', proof: 'person' });
    nowMs = PENDING_LIFETIME_MS;
    await enrolments.wait(entry(2, 'b'));
    nowMs += 1;
    await enrolments.wait(entry(4, 'd'));
    expect((await enrolments.list()).map(({ digest }) => digest)).toEqual(['2', '3', '4']);
  });

  it('keeps every key that says it is a node, from one address too, and an alarm at each', async () => {
    await using enrolments = make();
    await enrolments.wait(entry(1, 'a', 'print01'));
    expect((await enrolments.list('pending'))[0]?.alarm).toBeUndefined();
    await enrolments.wait(entry(2, 'a', 'print01'));
    await enrolments.wait(entry(3, 'b', 'print01'));
    await enrolments.wait(entry(4, 'a', 'print02'));
    const alarms = async (state?: 'pending') =>
      (await enrolments.list(state)).map(({ digest, alarm }) => [digest, alarm]);
    const shown = ['1', '2', '3'].map(fingerprintOf);
    const others = (...which: readonly number[]) =>
      `others wait with the same claim: ${which.map((index) => shown[index]).join(', ')}`;
    const expected = [
      ['1', others(1, 2)],
      ['2', others(0, 2)],
      ['3', others(0, 1)],
      ['4', undefined],
    ];
    expect([await alarms('pending'), await alarms()]).toEqual([expected, expected]);
    await enrolments.decide('2', 'denied');
    await enrolments.decide('3', 'denied');
    expect([(await alarms('pending'))[0], (await alarms())[0]]).toEqual([
      ['1', undefined],
      ['1', undefined],
    ]);
    // Those that were denied are no rivals, and have none.
    await enrolments.wait({ ...entry(5, 'c', 'print01'), alarm: 'look' });
    expect(await alarms()).toEqual([
      ['1', `others wait with the same claim: ${fingerprintOf('5')}`],
      ['2', undefined],
      ['3', undefined],
      ['4', undefined],
      ['5', `look; ${others(0)}`],
    ]);
    for (const index of [6, 7, 8]) await enrolments.wait(entry(index, 'd', 'print01'));
    const three = [5, 6, 7].map((index) => fingerprintOf(String(index))).join(', ');
    expect((await alarms('pending'))[0]?.[1]).toBe(`others wait with the same claim: ${three} and 1 more`);
  });

  it('tells of two strangers that claim one card, too', async () => {
    await using enrolments = make();
    for (const digest of ['1', '2'])
      await enrolments.wait({ digest, claims: { mac: '52:54:00:99:99:99' }, remote: digest });
    expect((await enrolments.list('pending')).every(({ alarm }) => alarm?.startsWith('others wait'))).toBe(true);
  });

  it('has a few entries for a machine that asks with another key after each boot: the last ones', async () => {
    let nowMs = 0;
    await using enrolments = make(() => nowMs++);
    for (let index = 1; index <= 9; index += 1) await enrolments.wait(entry(index, 'a', 'print01'));
    // Who goes on asking stays, the first one too.
    for (let index = 10; index <= 19; index += 1) {
      await enrolments.wait(entry(9, 'a', 'print01'));
      await enrolments.wait(entry(index, 'a', 'print01'));
    }
    expect((await enrolments.list('pending')).map(({ digest }) => digest)).toEqual(['9', '17', '18', '19']);
  });

  it('keeps what a key said first that it is, and tells what it says now', async () => {
    await using enrolments = make();
    const claims = { mac: '52:54:00:99:99:99' };
    await enrolments.wait({ ...entry(1, 'a', 'print01'), claims });
    await enrolments.wait({ ...entry(1, 'a', 'print02'), claims: { mac: '52:54:00:12:34:02' } });
    expect(await enrolments.list('pending')).toMatchObject([
      { node: 'print01', claims, alarm: 'it says now that it is print02' },
    ]);
    await enrolments.wait({ ...entry(1, 'a'), claims: {} });
    expect(await enrolments.find('1')).toMatchObject({
      node: 'print01',
      alarm: 'it says now that it is no node of config.d',
    });
    await enrolments.wait({ ...entry(1, 'a', 'print01'), claims });
    expect((await enrolments.find('1'))?.alarm).toBeUndefined();
    // A stranger gets its name by an edit of config.d, and by no other claim.
    await enrolments.wait({ ...entry(2, 'a'), claims });
    await enrolments.wait({ ...entry(2, 'a', 'print05'), claims });
    expect(await enrolments.find('2')).toMatchObject({ node: 'print05' });
    await enrolments.wait({ ...entry(3, 'a'), claims });
    await enrolments.wait({ ...entry(3, 'a', 'print01'), claims: { ...claims, hostname: 'print01' } });
    expect((await enrolments.find('3'))?.node).toBeUndefined();
    expect((await enrolments.find('3'))?.alarm).toBe('it says now that it is print01');
  });

  it('has one key that counts for each node', async () => {
    await using enrolments = make();
    await enrolments.approve({ ...entry(1, 'a'), node: 'print01', proof: 'person' });
    await enrolments.approve({ ...entry(2, 'a'), node: 'print01', proof: 'person' });
    expect((await enrolments.list()).map(({ digest, state }) => [digest, state])).toEqual([
      ['1', 'revoked'],
      ['2', 'approved'],
    ]);
  });
});

describe('a key', () => {
  const asked = { digest: 'k', claims: { mac: '52:54:00:12:34:01' }, remote: '10.0.0.1' };

  it('is kept with what it said, and when it was heard first and last', async () => {
    let nowMs = 1_000;
    await using enrolments = make(() => nowMs);
    expect(await enrolments.find('k')).toBeUndefined();
    const first = { ...asked, state: 'pending', firstSeenMs: 1_000 };
    expect(await enrolments.wait(asked)).toStrictEqual({ ...first, lastSeenMs: 1_000 });
    nowMs = 2_000;
    await enrolments.wait({ ...asked, remote: '10.0.0.2', alarm: 'look' });
    expect(await enrolments.find('k')).toStrictEqual({
      ...first,
      remote: '10.0.0.2',
      alarm: 'look',
      lastSeenMs: 2_000,
    });
    const approved = await enrolments.approve({ ...asked, node: 'print01', proof: 'person', alarm: 'look' });
    const counts = { ...first, state: 'approved', node: 'print01', proof: 'person' };
    expect(approved).toStrictEqual({ ...counts, lastSeenMs: 2_000 });
    nowMs = 3_000;
    await enrolments.store.transaction((nodes) =>
      seen(nodes, { digest: 'k', remote: '10.0.0.3', certificateUntilMs: 9_000 }, nowMs),
    );
    const told = { ...counts, remote: '10.0.0.3', certificateUntilMs: 9_000 };
    expect(await enrolments.find('k')).toStrictEqual({ ...told, lastSeenMs: 3_000 });
  });
});
