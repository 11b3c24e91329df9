import { describe, expect, it } from 'vitest';
import { turns } from '../../../../src/server/limits/turns.ts';

const settled = () => new Promise<void>((next) => setImmediate(next));

/** Tasks that end when they are told to. */
function tasks(options: Parameters<typeof turns>[0]) {
  const queue = turns(options);
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  return {
    begun,
    ask: (who: string, name = who) =>
      queue.take(
        who,
        () =>
          new Promise<string>((resolve, reject) => {
            begun.push(name);
            ends.set(name, (error) => (error ? reject(error) : resolve(name)));
          }),
      ),
    async end(name: string, error?: Error) {
      ends.get(name)?.(error);
      await settled();
    },
  };
}

describe('work that is bounded', () => {
  it('is begun in the order in which it was asked for, so much at once', async () => {
    const { ask, end, begun } = tasks({ atOnce: 2, waiting: 10, each: 1 });
    const all = ['a', 'b', 'c', 'd'].map((who) => ask(who));
    await settled();
    expect(begun).toEqual(['a', 'b']);
    await end('b');
    expect(begun).toEqual(['a', 'b', 'c']);
    await end('a');
    await end('c');
    await end('d');
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('is refused where too much waits, and taken again when there is room', async () => {
    const { ask, end } = tasks({ atOnce: 1, waiting: 1, each: 1 });
    const first = ask('a');
    const second = ask('b');
    await expect(ask('c')).rejects.toMatchObject({ code: 'server-busy' });
    await settled();
    await end('a');
    const third = ask('c');
    await end('b');
    await end('c');
    expect(await Promise.all([first, second, third])).toEqual(['a', 'b', 'c']);
  });

  it('of one who asks for too much is refused, while others are heard', async () => {
    const { ask, end, begun } = tasks({ atOnce: 1, waiting: 10, each: 2 });
    const own = [ask('a', 'a1'), ask('a', 'a2')];
    await expect(ask('a', 'a3')).rejects.toMatchObject({ code: 'server-busy' });
    const other = ask('b');
    await settled();
    await end('a1');
    own.push(ask('a', 'a4'));
    await end('a2');
    expect(begun).toEqual(['a1', 'a2', 'b']);
    await end('b');
    await end('a4');
    expect(await Promise.all([...own, other])).toEqual(['a1', 'a2', 'a4', 'b']);
  });

  it('is done for each in turn, so that one with little of it does not wait for all of another', async () => {
    const { ask, end, begun } = tasks({ atOnce: 1, waiting: 10, each: 5 });
    const all = [ask('a', 'a1'), ask('a', 'a2'), ask('a', 'a3'), ask('b', 'b1'), ask('b', 'b2'), ask('c', 'c1')];
    await settled();
    for (const name of ['a1', 'a2', 'b1', 'c1', 'a3', 'b2']) {
      expect(begun.at(-1)).toBe(name);
      await end(name);
    }
    await Promise.all(all);
  });

  it('that fails gives its place to the next', async () => {
    const { ask, end } = tasks({ atOnce: 1, waiting: 10, each: 1 });
    const first = ask('a');
    const refused = expect(first).rejects.toThrow('broken');
    const second = ask('b');
    await settled();
    await end('a', new Error('broken'));
    await refused;
    await end('b');
    expect(await second).toBe('b');
    const third = ask('a');
    await settled();
    await end('a');
    expect(await third).toBe('a');
  });

  it('is begun first for those who go before others, who wait for nobody but their like', async () => {
    const { ask, end, begun } = tasks({ atOnce: 1, waiting: 100, each: 50, isFirst: (who) => who.startsWith('known') });
    const all = Array.from({ length: 40 }, (_, index) => ask('stranger', `stranger ${index}`));
    all.push(ask('known a'), ask('known b'));
    await settled();
    for (const name of ['stranger 0', 'known a', 'known b', 'stranger 1']) await end(name);
    expect(begun.slice(0, 5)).toEqual(['stranger 0', 'known a', 'known b', 'stranger 1', 'stranger 2']);
    for (let index = 2; index < 40; index += 1) await end(`stranger ${index}`);
    await Promise.all(all);
  });
});
