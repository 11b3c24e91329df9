import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/host/host.ts';
import type { Enrolment } from '../../../src/server/machines/enrolment.ts';
import type { NodesChange, NodesStore } from '../../../src/server/store/nodes-store.ts';

/** One set of data, empty at first. */
export interface StoreWorld extends AsyncDisposable {
  /** As another process would. */
  open(): Promise<NodesStore>;
  readonly clock: Pick<Clock, 'sleep'>;
}

const key = (digest: string, more: Partial<Enrolment> = {}): Enrolment => ({
  digest,
  state: 'pending',
  claims: {},
  remote: '10.0.0.1',
  firstSeenMs: 1_000,
  lastSeenMs: 1_000,
  ...more,
});
const counted = (digest: string, node: string) => key(digest, { state: 'approved', node, proof: 'person' });

/** What callers may rely on, whichever engine is below. Each adapter says it of itself. */
export function storeSentences(name: string, makeWorld: () => Promise<StoreWorld>): void {
  describe(`a store of nodes in ${name}`, () => {
    let world: StoreWorld;
    let store: NodesStore;
    let opened: NodesStore[];
    const open = async (): Promise<NodesStore> => {
      const made = await world.open();
      opened.push(made);
      return made;
    };
    beforeEach(async () => {
      opened = [];
      world = await makeWorld();
      store = await open();
    });
    afterEach(async () => {
      for (const one of opened) await one[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    });
    const put = (...keys: readonly Enrolment[]) =>
      store.transaction(async (nodes) => {
        for (const one of keys) await nodes.putEnrolment(one);
      });
    const digests = async (from: Pick<NodesStore, 'enrolments'> = store) =>
      (await from.enrolments()).map(({ digest }) => digest);

    it('gives back what was put, whole, and nothing of what was not', async () => {
      const whole = key('a', {
        ...{ state: 'approved', node: 'print01', proof: 'network', alarm: 'look', remote: '2001:db8::1' },
        ...{
          claims: { mac: '52:54:00:12:34:01', hostname: 'ünï "code"' },
          lastSeenMs: 2_000,
          certificateUntilMs: 9e12,
        },
      });
      const bare = key('b');
      await put(whole, bare);
      expect(await store.enrolment('a')).toStrictEqual(whole);
      expect(await store.enrolments()).toStrictEqual([whole, bare]);
      expect(await store.enrolment('c')).toBeUndefined();
    });

    it('takes the place of what was there of a key, whole too', async () => {
      await put(key('a', { node: 'print01', alarm: 'look', certificateUntilMs: 5 }));
      await put(key('a', { state: 'denied' }));
      expect(await store.enrolments()).toStrictEqual([key('a', { state: 'denied' })]);
    });

    it('gives keys by state and node, who came first first', async () => {
      await put(key('c', { firstSeenMs: 3 }), key('b', { firstSeenMs: 1, node: 'n' }), key('a', { firstSeenMs: 3 }));
      await put(counted('d', 'n'), key('c', { firstSeenMs: 3, lastSeenMs: 9_000 }));
      const of = async (wanted: Parameters<NodesStore['enrolments']>[0]) =>
        (await store.enrolments(wanted)).map(({ digest }) => digest).join('');
      expect(await of({})).toBe('bcad');
      expect(await of({ state: 'pending' })).toBe('bca');
      expect(await of({ node: 'n' })).toBe('bd');
      expect(await of({ node: 'n', state: 'approved' })).toBe('d');
      expect(await store.waiting()).toStrictEqual([
        { digest: 'b', node: 'n', remote: '10.0.0.1', lastSeenMs: 1_000 },
        { digest: 'c', remote: '10.0.0.1', lastSeenMs: 9_000 },
        { digest: 'a', remote: '10.0.0.1', lastSeenMs: 1_000 },
      ]);
    });

    it('drops the keys that are named, whether they are there or not', async () => {
      await put(key('a'), key('b'), key('c'));
      await store.transaction((nodes) => nodes.dropEnrolments(['a', 'c', 'x']));
      expect(await digests()).toEqual(['b']);
    });

    it('has one order for a node, the last one, with a number of its own', async () => {
      const order = (node: string, more: object = {}) =>
        store.transaction((nodes) => nodes.putMoveOrder({ node, reason: 'x', orderedMs: 5, ...more }));
      await order('print01', { to: 'http://b.lab' });
      await order('print02');
      const [first] = await store.moveOrders();
      expect(first).toStrictEqual({ id: first?.id, node: 'print01', to: 'http://b.lab', reason: 'x', orderedMs: 5 });
      await order('print01', { reason: 'y' });
      // Who carried the first one out does not take the second with it.
      await store.transaction((nodes) => nodes.dropMoveOrders([first?.id ?? 0]));
      const left = await store.moveOrders();
      expect(left.map(({ node, to, reason }) => [node, to, reason])).toEqual([
        ['print02', undefined, 'x'],
        ['print01', undefined, 'y'],
      ]);
      await store.transaction((nodes) => nodes.dropMoveOrders(left.map(({ id }) => id)));
      expect(await store.moveOrders()).toEqual([]);
      await order('print03');
      expect((await store.moveOrders())[0]?.id).toBeGreaterThan(Math.max(...left.map(({ id }) => id)));
    });

    it('lets no two keys of a node count, whoever writes', async () => {
      await put(counted('a', 'print01'));
      await expect(put(counted('b', 'print01'))).rejects.toThrow();
      await put(key('a', { state: 'revoked', node: 'print01' }), counted('b', 'print01'), counted('c', 'print02'));
      expect((await store.enrolments({ state: 'approved' })).map(({ digest }) => digest)).toEqual(['b', 'c']);
    });

    describe('in a transaction', () => {
      /** Reads, lets everybody else go on, and writes one more. */
      const addOne = async (nodes: NodesChange) => {
        const before = await nodes.enrolments();
        await Promise.resolve();
        await nodes.putEnrolment(key(`key ${before.length}`));
      };

      it('sees what it has written, which nobody else does before it ends', async () => {
        const other = await open();
        await store.transaction(async (nodes) => {
          await nodes.putEnrolment(key('a'));
          expect(await digests(nodes)).toEqual(['a']);
          expect([await digests(), await digests(other)]).toEqual([[], []]);
        });
        expect([await digests(), await digests(other)]).toEqual([['a'], ['a']]);
      });

      it('gives what its task gives, and leaves nothing of one that fails', async () => {
        expect(await store.transaction(async () => 7)).toBe(7);
        await put(key('a'));
        const failing = store.transaction(async (nodes) => {
          await nodes.putEnrolment(key('b'));
          await nodes.dropEnrolments(['a']);
          await nodes.putMoveOrder({ node: 'n', reason: 'x', orderedMs: 1 });
          throw new Error('on second thoughts');
        });
        await expect(failing).rejects.toThrow('on second thoughts');
        expect([await digests(), await store.moveOrders()]).toEqual([['a'], []]);
        // The next one is not held up by it.
        await put(key('c'));
        expect(await digests()).toEqual(['a', 'c']);
      });

      it('leaves nothing of one that writes what cannot be written', async () => {
        const full = () => {
          throw new Error('the disk is full');
        };
        const claims = Object.defineProperty({}, 'toJSON', { value: full });
        await put(counted('a', 'print01'));
        await expect(put(key('a', { state: 'revoked' }), key('b', { claims }))).rejects.toThrow('the disk is full');
        expect(await store.enrolments()).toEqual([counted('a', 'print01')]);
      });

      it('is never between the look and the write of another, of this process or of the next', async () => {
        const other = await open();
        const tasks = Array.from({ length: 24 }, (_, at) => (at % 2 ? store : other).transaction(addOne));
        await Promise.all(tasks);
        expect(await digests()).toHaveLength(24);
      });

      it('goes on after one that failed among many', async () => {
        const failing = async (nodes: NodesChange) => {
          await addOne(nodes);
          throw new Error('no');
        };
        const all = await Promise.allSettled(
          Array.from({ length: 12 }, (_, at) => store.transaction(at % 3 ? addOne : failing)),
        );
        expect(all.filter(({ status }) => status === 'rejected')).toHaveLength(4);
        expect(await digests()).toHaveLength(8);
      });
    });

    describe('that changes', () => {
      const until = async (reached: () => boolean) => {
        for (let tries = 0; !reached(); tries += 1) {
          if (tries > 1_000) throw new Error('no change was told');
          await world.clock.sleep(100);
        }
      };

      it('says so at once, after what others write, and after what it writes itself; until the signal', async () => {
        const other = await open();
        const stop = new AbortController();
        let told = 0;
        const following = (async () => {
          for await (const _ of store.changes(stop.signal)) told += 1;
        })();
        await until(() => told === 1);
        await other.transaction((nodes) => nodes.putEnrolment(key('a')));
        await until(() => told === 2);
        await put(key('b'));
        await until(() => told === 3);
        await world.clock.sleep(60_000);
        expect(told).toBe(3);
        stop.abort();
        await following;
      });

      it('misses nothing that is written while somebody works at what it was told', async () => {
        const stop = new AbortController();
        const seen: number[] = [];
        for await (const _ of store.changes(stop.signal)) {
          seen.push((await store.enrolments()).length);
          if (seen.length < 4) await put(key(`key ${seen.length}`));
          else stop.abort();
        }
        expect(seen).toEqual([0, 1, 2, 3]);
      });

      it('tells it no more when the store is closed', async () => {
        const other = await open();
        const following = (async () => {
          for await (const _ of other.changes(new AbortController().signal));
        })();
        await other[Symbol.asyncDispose]();
        opened = opened.filter((one) => one !== other);
        await following;
      });
    });

    it('closes when what is under way is done, and is asked no more then', async () => {
      const other = await open();
      const writing = other.transaction((nodes) => nodes.putEnrolment(key('a')));
      await other[Symbol.asyncDispose]();
      await writing;
      opened = opened.filter((one) => one !== other);
      await expect(other.enrolment('a')).rejects.toThrow();
      await expect(other.transaction(async () => 1)).rejects.toThrow();
      expect(await digests()).toEqual(['a']);
    });
  });
}
