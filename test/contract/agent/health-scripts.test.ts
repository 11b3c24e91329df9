import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runScript } from '../../../src/agent/health/checks/scripts.ts';
import { toldBy } from '../../../src/agent/health/checks/told-by.ts';
import { linuxExec } from '../../../src/host/linux/exec.ts';
import { leanExec } from '../../../src/host/linux/lean-exec.ts';

const FOREVER = new AbortController().signal;

describe.each([
  ['execa', linuxExec()],
  ['lean', leanExec()],
] as const)('a script of the health gate, run by %s', (_, exec) => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'statectl-health-'));
  });
  afterAll(() => rm(dir, { recursive: true }));

  const script = async (text: string) => {
    const path = join(dir, 'required', 'script');
    await mkdir(join(dir, 'required'), { recursive: true });
    await writeFile(path, text);
    await chmod(path, 0o755);
    return { path, name: 'script x', need: 'required' } as const;
  };
  const isGone = async (pidFile: string): Promise<boolean> => {
    const pid = (await readFile(pidFile, 'utf8')).trim();
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    return state === '' || / Z /.test(state);
  };

  it('has its outputs in order, as its first line says', async () => {
    const one = await script('#!/bin/sh\necho first; echo "the camera is away" >&2; exit 3\n');
    expect(await runScript({ exec }, one, FOREVER)).toMatchObject({ why: 'exit status 3: the camera is away' });
    const other = await script('#!/usr/bin/env -S awk -f\nBEGIN { print "awk it is"; exit 1 }\n');
    expect(await runScript({ exec }, other, FOREVER)).toMatchObject({ why: 'exit status 1: awk it is' });
    expect(await runScript({ exec }, await script('#!/bin/sh\ncat; exit 0\n'), FOREVER)).toEqual({
      ...{ name: 'script x', need: 'required' },
    });
  });

  it('is ended with all that it started', async () => {
    const child = join(dir, 'child');
    const one = await script(`#!/bin/sh\nsleep 600 & echo $! > ${child}; echo waiting; sleep 600\n`);
    const late = new AbortController();
    const running = runScript({ exec }, one, late.signal);
    await expect.poll(() => readFile(child, 'utf8').catch(() => '')).toMatch(/\d/);
    late.abort(new Error('the time is over'));
    expect(await running).toMatchObject({ why: expect.stringContaining('it had not ended when the time was over') });
    await expect.poll(() => isGone(child)).toBe(true);
  });

  it('may print 100 MB to either output, of which the end is kept and no more', async () => {
    const before = process.memoryUsage.rss();
    for (const to of ['1', '2']) {
      const one = await script(
        `#!/bin/sh\nhead -c 100000000 /dev/zero | tr '\\0' x >&${to}; echo; echo done; exit 7\n`,
      );
      expect(await runScript({ exec }, one, FOREVER)).toMatchObject({ why: 'exit status 7: done' });
    }
    // Both whole would take more than that, as text and as pieces.
    expect(process.memoryUsage.rss() - before).toBeLessThan(150_000_000);
  });

  it('that cannot be run says why', async () => {
    const one = await script('#!/no/such/interpreter\n');
    expect((await runScript({ exec }, one, FOREVER)).why).toMatch(/^exit status 12[67]: .*not found|No such file/);
  });

  it('is not waited for by who asks the system: a program that prints without end is ended', async () => {
    expect(await toldBy({ exec }, ['sh', '-c', 'yes; echo never'], FOREVER)).toMatchObject({
      exitCode: 1,
      stderr: '"sh" printed more than 1000000 letters',
    });
  });
});
