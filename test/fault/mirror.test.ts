import { expect, it } from 'vitest';
import type { AskState } from '../../src/machine/state/ask-state.ts';
import { type FailingHost, failingHost } from '../fixtures/hosts/failing.ts';
import { type MirrorBoot, mirrorLab } from '../fixtures/state/mirror-lab.ts';

const MINUTES_MS = 120_000;

/** An agent whose power goes at an effect; each request that changes something is one. Gives how many there were. */
async function stoppedAt(boot: MirrorBoot, at: number): Promise<number> {
  const { host, ask } = boot.context;
  const failing = failingHost(host, { at, how: 'stop' });
  const stopping: AskState = (path, request) =>
    request?.method === 'POST' ? failing.effect('POST', path, () => ask(path, request)) : ask(path, request);
  await boot
    .anew({ host: failing, ask: stopping })
    .settle()
    .catch(() => undefined);
  return failing.effects;
}

it(
  'an agent that is stopped at any effect while it sends what the printer did loses nothing, and the next one completes it',
  async () => {
    const after = { 'changed.gcode': 'two', 'new.gcode': 'new', 'there.gcode': 'moved' };
    for (let at = 1, isDone = false; !isDone; at += 1) {
      await using lab = await mirrorLab();
      const boot = await lab.boot();
      for (const name of ['gone', 'moved', 'changed']) lab.write(`${name}.gcode`, name);
      await boot.settle();
      lab.write('new.gcode', 'new');
      lab.write('changed.gcode', 'two');
      lab.remove('gone.gcode');
      lab.move('moved.gcode', 'there.gcode');
      isDone = (await stoppedAt(boot, at)) < at;
      expect(lab.files(), `at effect ${at}`).toEqual(after);
      await boot.anew().settle();
      expect([lab.files(), await lab.line()], `at effect ${at}`).toEqual([after, after]);
    }
  },
  MINUTES_MS,
);

it(
  'an agent that is stopped at any effect while it makes room deletes nothing of the line',
  async () => {
    for (let at = 1, isDone = false; !isDone; at += 1) {
      await using lab = await mirrorLab();
      const boot = await lab.boot();
      lab.write('old.gcode', 'o'.repeat(600));
      lab.age('old.gcode');
      lab.write('new.gcode', 'n'.repeat(600));
      await boot.settle();
      const small = boot.anew({ item: { ...boot.context.item, limitBytes: 1_000 } });
      isDone = (await stoppedAt(small, at)) < at;
      await small.anew().settle();
      expect(Object.keys(lab.files()), `at effect ${at}`).toEqual(['new.gcode']);
      expect(Object.keys(await lab.line()), `at effect ${at}`).toEqual(['new.gcode', 'old.gcode']);
    }
  },
  MINUTES_MS,
);

it.each(['stop', 'torn', 'error'] as const)(
  'a boot that meets %s at any effect has whole files alone, and the next one has all of them',
  async (how) => {
    await using lab = await mirrorLab();
    const files = { 'a.gcode': 'a'.repeat(700_000), 'c.gcode': '', 'sub/b.gcode': 'b' };
    const first = await lab.boot();
    for (const [path, content] of Object.entries(files)) lab.write(path, content);
    await first.settle();
    for (let at = 1, isDone = false; !isDone; at += 1) {
      let failing: FailingHost | undefined;
      const host = (of: Parameters<typeof failingHost>[0]) => (failing = failingHost(of, { at, how }));
      await lab.boot({ host }).catch(() => undefined);
      isDone = (failing?.effects ?? 0) < at;
      const found = Object.entries(lab.files());
      expect(found, `at effect ${at}`).toEqual(found.map(([path]) => [path, files[path as keyof typeof files]]));
      // What an interrupted boot left on a disk is there.
      const next = await lab.boot({ disk: true });
      await next.settle();
      expect([lab.files(), await lab.line(), lab.own()], `at effect ${at}`).toEqual([files, files, ['note.json']]);
    }
  },
  MINUTES_MS,
);
