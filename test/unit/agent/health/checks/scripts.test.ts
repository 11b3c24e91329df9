import { describe, expect, it } from 'vitest';
import { findScripts, runScript } from '../../../../../src/agent/health/checks/scripts.ts';
import type { Program } from '../../../../../src/host/memory/exec.ts';
import type { Seed } from '../../../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../../../src/host/memory.ts';

const SIGNAL = new AbortController().signal;
const OF_IMAGE = '/run/statectl/image/usr/lib/statectl/health.d';
const OF_TEMPLATES = '/etc/statectl/health.d';
const SCRIPT = { data: '#!/bin/sh\n', mode: 0o755 };

const found = async (files: Readonly<Record<string, Seed>>, written: readonly string[] = []) =>
  (await findScripts(memoryHost({ files }), new Set(written))).map(
    ({ name, need, refused }) => `${need} ${name}: ${refused ?? 'runs'}`,
  );

describe('scripts of the health gate', () => {
  it('are those of the image and of templates, required and wanted; what is none is passed over', async () => {
    const files = {
      [`${OF_IMAGE}/required/10-camera`]: SCRIPT,
      [`${OF_IMAGE}/required/README.md`]: 'what is here',
      [`${OF_IMAGE}/required/.keep`]: '',
      [`${OF_IMAGE}/required/10-camera~`]: SCRIPT,
      [`${OF_IMAGE}/required/10-camera.dpkg-old`]: SCRIPT,
      [`${OF_IMAGE}/wanted/20-light`]: SCRIPT,
      [`${OF_TEMPLATES}/required/30-own`]: SCRIPT,
    };
    expect(await found(files, [`${OF_TEMPLATES}/required/30-own`])).toEqual([
      'required script 10-camera: runs',
      'required script 30-own: runs',
      'wanted script 20-light: runs',
    ]);
  });

  it.each<[string, Seed, string]>([
    [
      'others than its group may write',
      { ...SCRIPT, mode: 0o757 },
      `others than root may write ${OF_IMAGE}/required/x`,
    ],
    ['its group may write', { ...SCRIPT, mode: 0o775 }, `others than root may write ${OF_IMAGE}/required/x`],
    ['is another account’s', { ...SCRIPT, uid: 1000 }, `${OF_IMAGE}/required/x is of another account than root`],
    ['is a link', { target: '/home/pi/x' }, 'it is a link'],
    ['is a folder', { type: 'dir' }, 'it is no file'],
    ['is a pipe', { type: 'fifo' }, 'it is no file'],
    ['cannot be executed', { ...SCRIPT, mode: 0o644 }, 'it is not executable (mode 0755)'],
  ])('one that %s is not run, and counts as failed', async (_, seed, why) => {
    const path = `${OF_IMAGE}/required/x`;
    expect(await found({ [path]: seed })).toEqual([`required script x: ${why}`]);
    const host = memoryHost({ files: { [path]: seed } });
    const [script] = await findScripts(host, new Set());
    const result = script && (await runScript(host, script, SIGNAL));
    expect(result).toEqual({ name: 'script x', need: 'required', why: `it is not run: ${why}` });
    expect(host.commands).toEqual([]);
  });

  it.each([
    ['/etc/statectl', 'others than root may write /etc/statectl'],
    ['/etc/statectl/health.d/required', 'others than root may write /etc/statectl/health.d/required'],
  ])('one is not run where others may write the folder %s around it', async (folder, why) => {
    const path = `${OF_TEMPLATES}/required/x`;
    expect(await found({ [folder]: { type: 'dir', mode: 0o777 }, [path]: SCRIPT }, [path])).toEqual([
      `required script x: ${why}`,
    ]);
  });

  it('one that no template wrote is not run', async () => {
    expect(await found({ [`${OF_TEMPLATES}/wanted/x`]: SCRIPT })).toEqual([
      'wanted script x: neither the image nor a template of config.d has it',
    ]);
  });

  it('are twenty at most, and one more is told', async () => {
    const many = Array.from({ length: 40 }, (_, at) => [`${OF_IMAGE}/required/${10 + at}`, SCRIPT] as const);
    const all = await found(Object.fromEntries(many));
    expect(all).toHaveLength(21);
    expect(all.at(-1)).toBe('required script 30: there are more than 20');
  });
});

describe('a script', () => {
  const ran = async (program: Program, signal = SIGNAL) => {
    const host = memoryHost({ programs: { sh: program } });
    return await runScript(host, { path: '/x', name: 'script x', need: 'required' }, signal);
  };

  it('is good that ends with status 0, whatever it says', async () => {
    expect(await ran(() => 'so much to say\n')).toEqual({ name: 'script x', need: 'required' });
  });

  it('that fails is told with the last that it said', async () => {
    expect((await ran(() => ({ exitCode: 3, stdout: 'looking\n', stderr: 'no camera at /dev/video0\n\n' })))?.why).toBe(
      'exit status 3: no camera at /dev/video0',
    );
    expect((await ran(() => ({ exitCode: 1 })))?.why).toBe('exit status 1');
  });

  it('that hangs is ended after 30 s', async () => {
    expect((await ran(() => ({ tookMs: Number.POSITIVE_INFINITY })))?.why).toBe('it did not end within 30 s');
  });

  it('that runs when the time of the gate is over has not ended', async () => {
    const late = new AbortController();
    const running = ran(async () => {
      late.abort(new Error('over'));
      return { tookMs: 1_000 };
    }, late.signal);
    expect((await running).why).toBe('it had not ended when the time was over');
  });
});
