import { expect, it } from 'vitest';
import { inTurn } from '../../../src/agent/in-turn.ts';

it('tasks that share something run one after the other, in the order in which they came, also after one that failed', async () => {
  const turn = inTurn();
  const done: string[] = [];
  const task = (name: string) => async () => {
    done.push(`${name} begins`);
    await Promise.resolve();
    done.push(`${name} ends`);
    if (name === 'a') throw new Error('a failed');
    return name;
  };
  const [a, b] = await Promise.allSettled([turn(task('a')), turn(task('b'))]);
  expect(done).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  expect([a.status, b]).toEqual(['rejected', { status: 'fulfilled', value: 'b' }]);
});
