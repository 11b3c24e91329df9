import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allArguments, parseCommandLine } from '../../../../src/config/command-line/command-line.ts';
import { laySetArguments, withSetArguments } from '../../../../src/config/command-line/set-argument.ts';
import { emptyMapping, type Mapping, plainOf } from '../../../../src/config/tree/tree.ts';
import { cpuMs, sized } from '../../../fixtures/effort.ts';

const wordsOf = (settings: readonly string[]) =>
  allArguments(
    parseCommandLine([{ origin: 'cmdline', text: settings.map((setting) => `"statectl.set=${setting}"`).join(' ') }]),
    'statectl.set',
  );
const MANY = sized(3_000, 20_000);
const BELOW = emptyMapping({ layer: 'built-in', file: 'config.d', line: 1, column: 1 });

describe('settings of a kernel command line', () => {
  it('are what they are one after the other, and each wrong one is told', () => {
    const settings = [
      'network.tries=3',
      'network.tries=-1',
      'network.wait=7s',
      'tmpfs./a.size=10%',
      'tmpfs./a={size: 20%}',
      'tmpfs./b.sise=1',
      'tmpfs=7',
      'server.servers=[http://a:1]',
      'server.servers=[http://b:1]',
      'nonsense.a=1',
      'no value',
    ];
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom(...settings), { selector: (text) => text.split(/[.=]/)[1] }),
        (some) => {
          let [one, faults]: readonly [Mapping, readonly string[]] = [BELOW, []];
          for (const [at] of some.entries()) {
            const word = wordsOf(some)[at];
            const laid = laySetArguments(one, word ? [word] : []);
            [one, faults] = [laid.settings, [...faults, ...laid.faults]];
          }
          const all = laySetArguments(BELOW, wordsOf(some));
          expect(plainOf(all.settings)).toEqual(plainOf(one));
          expect(all.faults.toSorted()).toEqual(faults.toSorted());
        },
      ),
    );
  });

  it.each([
    [['tmpfs./b.size=10%', 'tmpfs=7', 'tmpfs./a.size=10%']],
    [['tmpfs./b.size=10%', 'tmpfs./b=7', 'tmpfs./b={mode: "0700"}']],
    [['tmpfs./b={size: 10%}', 'tmpfs./b=[]', 'tmpfs./b.mode="0700"']],
  ])('do not go with a wrong one between them: %j', (settings) => {
    const { config, faults } = withSetArguments({}, wordsOf(settings));
    expect(faults).toHaveLength(1);
    expect(config?.tmpfs['/b']?.size).toBe('10%');
  });

  it('count the last time that they are said, and before it where that is wrong', () => {
    const tries = (...values: readonly number[]) => {
      const { config, faults } = withSetArguments({}, wordsOf(values.map((value) => `network.tries=${value}`)));
      return [config?.network.tries, faults.length];
    };
    expect(tries(4, 5)).toEqual([5, 0]);
    expect(tries(4, -1)).toEqual([4, 1]);
    expect(tries(-1, 4, -1, -2)).toEqual([4, 2]);
  });

  it.each([
    ['of a setting each', (at: number) => `tmpfs./a${at}.size=10%`, MANY, 0],
    ['of one setting', (at: number) => `network.tries=${at + 1}`, MANY, 0],
    ['that are all wrong', (at: number) => `nonsense.a${at}=1`, 0, 100],
  ])('are checked together: thousands %s in a moment', async (_title, make, count, wrong) => {
    const words = wordsOf(Array.from({ length: MANY }, (_, at) => make(at)));
    let found: ReturnType<typeof withSetArguments> | undefined;
    const took = await cpuMs(() => {
      found = withSetArguments({}, words);
    });
    expect(took).toBeLessThan(MANY);
    const { config, faults = [] } = found ?? {};
    expect(faults.length).toBeGreaterThanOrEqual(wrong);
    expect(faults.length).toBeLessThan(wrong + 20);
    if (wrong > 0) expect(faults.at(-1)).toMatch(/and what follows: more than 100 are wrong; they are ignored$/);
    else
      expect(Math.max(config?.network.tries ?? 0, Object.keys(config?.tmpfs ?? {}).length)).toBeGreaterThanOrEqual(
        count,
      );
  });
});
