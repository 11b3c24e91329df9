import { describe, expect, it } from 'vitest';
import { askAll } from '../../../src/fetch/ask-all.ts';
import { ServerBusyError } from '../../../src/host/http/server-busy.ts';

const busy = (seconds: number) => new ServerBusyError(`busy for ${seconds} s`, seconds * 1000);

function lab(said: Readonly<Record<string, string | Error>>) {
  const asked: string[] = [];
  return {
    asked,
    ask: async (server: string, at: number) => {
      asked.push(`${at} ${server}`);
      const answer = said[server];
      if (typeof answer === 'string') return answer;
      throw answer;
    },
  };
}

describe('several servers', () => {
  it('are asked at once, and the last ones only where every other fails', async () => {
    const { ask, asked } = lab({ a: new Error('no'), b: 'B', c: 'C', d: 'D' });
    const result = await askAll({ first: ['a', 'b', 'c'], last: ['d'] }, ask);
    expect(result).toEqual({ answers: ['B', 'C'], failures: [new Error('no')], unasked: ['d'] });
    expect(asked).toEqual(['0 a', '1 b', '2 c']);
  });

  it('that are asked last say what they have, with what the others failed with', async () => {
    const { ask, asked } = lab({ a: new Error('no'), b: busy(3), c: new Error('nor I'), d: 'D' });
    const result = await askAll({ first: ['a', 'b'], last: ['c', 'd'] }, ask);
    expect(result).toEqual({ answers: ['D'], failures: [new Error('no'), busy(3), new Error('nor I')], unasked: [] });
    expect(asked).toEqual(['0 a', '1 b', '2 c', '3 d']);
  });

  it('that say nothing are waited for where one is only busy, the first to be free', async () => {
    const { ask } = lab({ a: new Error('no'), b: busy(9), c: busy(2) });
    await expect(askAll({ first: ['a', 'b'], last: ['c'] }, ask)).rejects.toThrow('busy for 2 s');
    await expect(askAll({ first: ['b'], last: ['a'] }, ask, ([, second]) => second)).rejects.toThrow('busy for 9 s');
  });

  it('that say nothing are told of by the worst, else by the first', async () => {
    const { ask } = lab({ a: new Error('no'), b: new Error('forged') });
    await expect(askAll({ first: ['a', 'b'], last: [] }, ask)).rejects.toThrow('no');
    await expect(askAll({ first: ['a'], last: ['b'] }, ask, (all) => all[1])).rejects.toThrow('forged');
  });
});
