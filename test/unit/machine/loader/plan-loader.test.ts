import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BootFiles, GRUBENV, grubChoice, systemdBootChoice } from '../../../../src/machine/loader/choice.ts';
import { kernelFile } from '../../../../src/machine/loader/entries.ts';
import { parseGrubEnv, writeGrubEnv } from '../../../../src/machine/loader/grub-env.ts';
import { type LoaderPlan, type Loaders, type Pair, planLoader } from '../../../../src/machine/loader/plan-loader.ts';

const BOTH: Loaders = { grub: true, systemdBoot: true };
const WORDS = ['ip=dhcp', 'console=ttyS0,115200'];
const blob = (letter: string, sizeBytes: number) => ({ sha256: letter.repeat(64), sizeBytes, urls: [] });
const pair = (version: number): Pair => ({
  kernel: blob(version.toString(16), 1000 + version),
  initramfs: blob(version.toString(16), 2000 + version),
});
const kernel = (version: number) => kernelFile(version.toString(16).repeat(64));

/** What is on the disk after each thing that a plan does; of a large file, first half of it. */
function* effects(files: BootFiles, plan: LoaderPlan): Generator<Map<string, Buffer | number>> {
  const now = new Map(files);
  for (const path of plan.clear) {
    now.delete(path);
    yield new Map(now);
  }
  for (const { path, sizeBytes } of plan.pair) {
    if (now.get(path) === sizeBytes) continue;
    now.set(`${path}.part`, sizeBytes >> 1);
    yield new Map(now);
    now.delete(`${path}.part`);
    now.set(path, sizeBytes);
    yield new Map(now);
  }
  for (const { path, text } of plan.entries) {
    for (const length of [0, text.length >> 1, text.length]) {
      now.set(path, Buffer.from(text.slice(0, length)));
      yield new Map(now);
    }
  }
  if (Object.keys(plan.env).length > 0) {
    const block = now.get(GRUBENV);
    const all = { ...(Buffer.isBuffer(block) ? parseGrubEnv(block) : {}), ...plan.env };
    now.set(GRUBENV, writeGrubEnv(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))));
    yield new Map(now);
  }
  for (const path of plan.remove) {
    now.delete(path);
    yield new Map(now);
  }
}

const done = (files: BootFiles, plan: LoaderPlan): BootFiles => [...effects(files, plan)].at(-1) ?? files;
const nothing: LoaderPlan = { clear: [], pair: [], entries: [], env: {}, remove: [] };
const installed = (version: number, loaders = BOTH): BootFiles =>
  done(new Map(), planLoader(new Map(), loaders, { pair: pair(version), words: WORDS }));

describe('what a disk boots', () => {
  it('is slot a of an empty one, by both loaders, and nothing more is to be done then', () => {
    const files = installed(1);
    for (const choice of [grubChoice(files), systemdBootChoice(files)])
      expect(choice).toMatchObject({ slot: 'a', kernel: kernel(1) });
    expect(grubChoice(files)?.left).toBeUndefined();
    expect(planLoader(files, BOTH, { pair: pair(1), words: WORDS })).toEqual(nothing);
    expect(planLoader(files, BOTH, { pair: pair(1), words: ['of', 'the', 'entry'], running: 'a' })).toEqual(nothing);
    expect(planLoader(files, BOTH, { words: WORDS })).toEqual(nothing);
  });

  it('is a new image in the other slot twice, then the old one again, for good', () => {
    let files = installed(1);
    files = done(files, planLoader(files, BOTH, { pair: pair(2), words: WORDS, running: 'a' }));
    for (const choose of [grubChoice, systemdBootChoice]) {
      let now = files;
      const booted = Array.from({ length: 4 }, () => {
        const choice = choose(now);
        now = choice?.after ?? now;
        return choice?.slot;
      });
      expect(booted).toEqual(['b', 'b', 'a', 'a']);
      // The old one runs, and the server still has the new one: its tries are used up, and nothing begins anew.
      const again = planLoader(now, BOTH, { pair: pair(2), words: WORDS, running: 'a' });
      expect(choose(done(now, again))).toMatchObject({ slot: 'a', kernel: kernel(1) });
    }
  });

  it('is the new image for good once it ran', () => {
    let files = installed(1);
    files = done(files, planLoader(files, BOTH, { pair: pair(2), words: WORDS, running: 'a' }));
    files = grubChoice(files)?.after ?? files;
    files = systemdBootChoice(files)?.after ?? files;
    files = done(files, planLoader(files, BOTH, { pair: pair(2), words: WORDS, running: 'b' }));
    for (const choose of [grubChoice, systemdBootChoice]) {
      const choice = choose(files);
      expect(choice).toMatchObject({ slot: 'b', kernel: kernel(2) });
      expect(choice?.left).toBeUndefined();
      expect(choice?.after).toEqual(files);
    }
    expect([...files.keys()].filter((path) => path.endsWith('.conf'))).toHaveLength(2);
  });

  it('is the image that a machine went back to, without that anything is fetched', () => {
    let files = installed(1);
    files = done(files, planLoader(files, BOTH, { pair: pair(2), words: WORDS, running: 'a' }));
    files = done(files, planLoader(files, BOTH, { pair: pair(2), words: WORDS, running: 'b' }));
    const back = planLoader(files, BOTH, { pair: pair(1), words: WORDS, running: 'b' });
    expect(back.pair).toEqual([]);
    files = done(files, back);
    for (const choose of [grubChoice, systemdBootChoice])
      expect(choose(files)).toMatchObject({ slot: 'a', kernel: kernel(1) });
    expect(planLoader(files, BOTH, { pair: pair(1), words: WORDS, running: 'b' })).toEqual(nothing);
  });

  it('follows the kernel command line of a netboot', () => {
    const files = installed(1);
    const changed = done(files, planLoader(files, BOTH, { pair: pair(1), words: ['quiet'] }));
    const texts = [...changed.values()].filter(Buffer.isBuffer).map(String).join('\n');
    expect(texts).toContain("'quiet' 'statectl.slot=a'");
    expect(texts).toContain('options quiet statectl.slot=a');
    expect(texts).not.toContain('ip=dhcp');
  });
});

it('wherever a series of updates is cut, each loader boots one of the two newest images, whole, and the next boot completes it', () => {
  const step = fc.record({
    cut: fc.nat({ max: 60 }),
    boots: fc.nat({ max: 3 }),
    netboot: fc.boolean(),
    by: fc.constantFrom(grubChoice, systemdBootChoice),
  });
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 8 }),
      fc.constantFrom(BOTH, { ...BOTH, grub: false }, { ...BOTH, systemdBoot: false }),
      (steps, loaders) => {
        let files = installed(1, loaders);
        const loadersOf = [...(loaders.grub ? [grubChoice] : []), ...(loaders.systemdBoot ? [systemdBootChoice] : [])];
        for (const [index, { cut, boots, netboot, by }] of steps.entries()) {
          const choose = loadersOf.includes(by) ? by : (loadersOf[0] ?? by);
          for (let boot = 0; boot < boots; boot += 1) files = choose(files)?.after ?? files;
          const choice = choose(files);
          files = choice?.after ?? files;
          const wanted = {
            pair: pair(index + 2),
            words: WORDS,
            ...(!netboot && choice && { running: choice.slot }),
          };
          const states = [...effects(files, planLoader(files, loaders, wanted))];
          const isWhole = (now: BootFiles) =>
            loadersOf.every((each) => {
              const found = each(now);
              const version = found && [...Array(16).keys()].find((one) => kernel(one) === found.kernel);
              return (
                version !== undefined &&
                now.get(`/statectl/${found?.kernel}`) === 1000 + version &&
                now.get(`/statectl/${found?.initramfs}`) === 2000 + version
              );
            });
          for (const state of states) expect(isWhole(state)).toBe(true);
          const left = states[Math.min(cut, states.length - 1)] ?? files;
          files = done(left, planLoader(left, loaders, wanted));
          for (const each of loadersOf) expect(each(files)?.kernel).toBe(kernel(index + 2));
        }
      },
    ),
    { numRuns: 300 },
  );
});
