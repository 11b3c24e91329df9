import { chmodSync, existsSync, mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bell } from '../../../src/agent/servers/bell.ts';
import { nfsSource, type OutsideSource } from '../../../src/agent/state/mirror/nfs-source.ts';
import { keepMirror } from '../../../src/agent/state/mirror-keeper.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { type MirrorBoot, type MirrorLab, mirrorLab } from '../../fixtures/state/mirror-lab.ts';

let lab: MirrorLab;
beforeEach(async () => {
  lab = await mirrorLab();
});
afterEach(() => lab[Symbol.asyncDispose]());

/** The keeper itself, by the clock of the machine. */
async function keeping(boot: MirrorBoot): Promise<AsyncDisposable> {
  const stop = new AbortController();
  const { host } = boot.context;
  const context = { ...boot.context, host: { ...host, clock: linuxHost().clock } };
  const ended = keepMirror(context, stop.signal).catch(() => undefined);
  await expect.poll(() => boot.told.length, { timeout: 5_000 }).toBeGreaterThan(0);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
    },
  };
}
const SOON = { timeout: 10_000 };

it('what is uploaded is on the line within seconds, also in a folder that was not there, and status says so', async () => {
  const boot = await lab.boot();
  await using _keeper = await keeping(boot);
  lab.write('a.gcode', 'a');
  await expect.poll(lab.line, SOON).toEqual({ 'a.gcode': 'a' });
  lab.write('sub/deep/b.gcode', 'b');
  await expect.poll(lab.line, SOON).toEqual({ 'a.gcode': 'a', 'sub/deep/b.gcode': 'b' });
  lab.write('sub/deep/c.gcode', 'c');
  lab.remove('a.gcode');
  await expect.poll(lab.line, SOON).toEqual({ 'sub/deep/b.gcode': 'b', 'sub/deep/c.gcode': 'c' });
  await expect.poll(() => boot.told.at(-1), SOON).toMatchObject({ state: 'in-step', lastMs: expect.any(Number) });
}, 40_000);

it('without a server status says how much it lacks and since when, and nothing when nothing changed', async () => {
  const boot = await lab.boot();
  await using _keeper = await keeping(boot);
  lab.isAway = true;
  lab.write('a.gcode', 'a');
  lab.write('b.gcode', 'b');
  await expect
    .poll(() => boot.told.at(-1), SOON)
    .toMatchObject({ state: 'ahead', ahead: '2 files', sinceMs: expect.any(Number), why: 'no server answers' });
  lab.isAway = false;
  await expect.poll(() => boot.told.at(-1)?.state, SOON).toBe('in-step');
  expect(Object.keys(await lab.line())).toEqual(['a.gcode', 'b.gcode']);
}, 40_000);

describe('Moonraker, which must find all files when it starts,', () => {
  const waits = ({ context }: MirrorBoot): boolean => existsSync(`${context.spool}.loading`);

  it('waits where the boot had no time to bring them all, until they are here', async () => {
    lab.write('a.gcode', 'a');
    await (await lab.boot({ disk: true })).settle();
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(AbortSignal.abort(new Error('late')));
    const boot = await lab.boot();
    timeout.mockRestore();
    expect([waits(boot), lab.files()]).toEqual([true, {}]);
    await using _keeper = await keeping(boot);
    await expect.poll(() => waits(boot), SOON).toBe(false);
    expect(lab.files()).toEqual({ 'a.gcode': 'a' });
  });

  it('does not wait where the boot brought them, or nobody said that there are any', async () => {
    lab.write('a.gcode', 'a');
    await (await lab.boot({ disk: true })).settle();
    expect(waits(await lab.boot())).toBe(false);
    lab.isAway = true;
    expect(waits(await lab.boot())).toBe(false);
  });

  it('waits no longer where no server brings them, but for what the agent alone brings', async () => {
    const source = { kind: 'nfs', from: 'nas:/gcode' } as const;
    const boot = await lab.boot({ item: { source } });
    expect(waits(boot)).toBe(true);
    lab.isAway = true;
    await using _keeper = await keeping(boot.anew({ item: { ...boot.context.item, source: { kind: 'server' } } }));
    await expect.poll(() => waits(boot), { timeout: 20_000 }).toBe(false);
  }, 40_000);
});

describe('a source by NFS', () => {
  /** mount(8) of a host whose NFS server is a folder: `mount` is what `act` says. */
  function sourceOf(
    boot: MirrorBoot,
    act: string,
  ): { source: OutsideSource; share: string; looked: () => Promise<unknown> } {
    const share = join(lab.folder, '../share');
    const programs = join(lab.folder, '../bin');
    mkdirSync(programs, { recursive: true });
    mkdirSync(share, { recursive: true });
    writeFileSync(join(programs, 'mount'), `#!/bin/sh\n${act.replaceAll('SHARE', share)}\n`);
    chmodSync(join(programs, 'mount'), 0o755);
    const { host, spool } = boot.context;
    const PATH = `${programs}:${process.env.PATH}`;
    const run: typeof host.exec.run = (argv, options) =>
      host.exec.run(argv, {
        ...options,
        env: { ...options?.env, PATH },
        // A test waits no minute.
        timeoutMs: Math.min(options?.timeoutMs ?? 0, 3_000),
      });
    const looked = bell(linuxHost().clock);
    const clock = linuxHost().clock;
    const source = nfsSource({ host: { ...host, clock, exec: { run } }, spool }, 'nas:/gcode', looked);
    return { source, share, looked: () => looked.wait(10_000, new AbortController().signal) };
  }
  // shift: -t nfs -o OPTIONS FROM TO
  const BIND = 'shift 4; echo "$1" >&2; exec /bin/mount --bind SHARE "$2"';
  const put = (share: string, path: string, content: string): void => {
    mkdirSync(dirname(join(share, path)), { recursive: true });
    writeFileSync(join(share, path), content);
    utimesSync(join(share, path), 1_764_000_000, 1_764_000_000);
  };
  const isRoot = process.getuid?.() === 0;

  it.runIf(isRoot)(
    'has its files copied whole, and leaves no mount',
    async () => {
      const boot = await lab.boot();
      const { source, share, looked } = sourceOf(boot, BIND);
      put(share, 'parts/bolt x.gcode', 'G1\n'.repeat(1_000));
      put(share, '.snapshot/old.gcode', 'old');
      await source.list(new AbortController().signal);
      await looked();
      lab.write('own.gcode', 'own');
      expect((await boot.settle(source)).faults).toEqual([]);
      expect(Object.keys(lab.files()).toSorted()).toEqual(['own.gcode', 'parts/bolt x.gcode']);
      expect(statSync(join(lab.folder, 'parts/bolt x.gcode')).mtimeMs).toBe(1_764_000_000_000);
      expect(await lab.line()).toEqual({ 'own.gcode': 'own' });
      expect(await linuxHost().files.readText('/proc/mounts')).not.toContain(lab.folder.replace('/gcodes', ''));
    },
    30_000,
  );

  it.runIf(isRoot)(
    'is never changed: what the printer does to it lies over it on the line',
    async () => {
      const boot = await lab.boot();
      const { source, share, looked } = sourceOf(boot, BIND);
      put(share, 'a.gcode', 'a');
      put(share, 'b.gcode', 'b');
      await source.list(new AbortController().signal);
      await looked();
      await boot.settle(source);
      lab.write('a.gcode', 'processed');
      lab.remove('b.gcode');
      await boot.settle(source);
      await boot.anew().settle(source);
      expect([lab.files(), await lab.line()]).toEqual([{ 'a.gcode': 'processed' }, { 'a.gcode': 'processed' }]);
      const next = await lab.boot();
      await next.settle(source);
      expect(lab.files()).toEqual({ 'a.gcode': 'processed' });
      // Another version there is one that nobody changed here.
      put(share, 'b.gcode', 'b, newer');
      const again = sourceOf(next, BIND);
      await again.source.list(new AbortController().signal);
      await again.looked();
      await next.settle(again.source);
      expect(lab.files()).toEqual({ 'a.gcode': 'processed', 'b.gcode': 'b, newer' });
    },
    30_000,
  );

  it.runIf(isRoot)(
    'is waited for before Moonraker starts, until it said what it has',
    async () => {
      const boot = await lab.boot();
      const { source, share, looked } = sourceOf(boot, `sleep 2.5; ${BIND}`);
      put(share, 'a.gcode', 'a');
      expect((await boot.round(source)).isWaiting).toBe(true);
      await looked();
      expect(await boot.settle(source)).toMatchObject({ isWaiting: false, faults: [] });
      expect(lab.files()).toEqual({ 'a.gcode': 'a' });
    },
    30_000,
  );

  it.runIf(isRoot)(
    'that does not answer takes nothing away, and holds up nothing',
    async () => {
      const boot = await lab.boot();
      const { source, share, looked } = sourceOf(boot, BIND);
      put(share, 'a.gcode', 'a');
      await source.list(new AbortController().signal);
      await looked();
      await boot.settle(source);
      const dead = sourceOf(boot, 'sleep 1000');
      const beganMs = performance.now();
      await dead.source.list(new AbortController().signal);
      expect(performance.now() - beganMs).toBeLessThan(2_900);
      lab.write('own.gcode', 'own');
      await boot.settle(dead.source);
      expect([lab.files(), await lab.line()]).toEqual([{ 'a.gcode': 'a', 'own.gcode': 'own' }, { 'own.gcode': 'own' }]);
      await dead.looked();
      const { faults } = await boot.settle(dead.source);
      expect(faults).toEqual(['nfs:nas:/gcode cannot be read: it did not answer in 60 s']);
    },
    30_000,
  );
});
