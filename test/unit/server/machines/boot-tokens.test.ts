import { beforeEach, describe, expect, it } from 'vitest';
import { type BootTokens, bootTokens } from '../../../../src/server/machines/boot-tokens.ts';

let tokens: BootTokens;
beforeEach(() => {
  tokens = bootTokens(() => 0);
});
const take = (node: string, remote = '10.0.0.1'): string => {
  const answer = tokens.take(node, remote);
  return 'token' in answer ? answer.token : answer.alarm;
};

describe('a boot token', () => {
  it('counts once, for its node', () => {
    const token = take('lab');
    expect([tokens.spend(token, 'lab'), tokens.spend(token, 'lab')]).toEqual([true, false]);
  });

  it.each(['print01', undefined])('that %j shows is spent, and counts for nobody', (node) => {
    const token = take('lab');
    expect([tokens.spend(token, node), tokens.spend(token, 'lab')]).toEqual([false, false]);
  });

  it('is not guessed, and a guess spends nobody’s', () => {
    const token = take('lab');
    const other = take('print01');
    for (const guess of ['', 'lab', `${token}x`, token.toLowerCase()]) {
      expect(tokens.spend(guess, 'lab')).toBe(false);
      expect(tokens.spend(guess, undefined)).toBe(false);
    }
    expect([tokens.spend(token, 'lab'), tokens.spend(other, 'print01')]).toEqual([true, true]);
  });

  it('is another each time, of which the last counts', () => {
    const [first, second] = [take('lab'), take('lab')];
    expect(first).not.toBe(second);
    expect([tokens.spend(first, 'lab'), tokens.spend(second, 'lab')]).toEqual([false, true]);
  });

  it('counts no more once another address asks as the same node, which gets none; both may ask anew', () => {
    const token = take('lab', '10.0.0.1');
    expect(take('lab', '10.0.0.2')).toBe('10.0.0.1 and 10.0.0.2 both say that they are lab: neither gets a token');
    expect(tokens.spend(token, 'lab')).toBe(false);
    expect(tokens.spend(take('lab', '10.0.0.2'), 'lab')).toBe(true);
  });
});
