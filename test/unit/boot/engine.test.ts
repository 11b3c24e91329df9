import { describe, expect, it } from 'vitest';
import { type EngineOptions, PhaseFailure, runPhases } from '../../../src/boot/engine.ts';
import type { Phase } from '../../../src/boot/phase.ts';
import { type JournalEntry, openJournal } from '../../../src/boot/record/journal.ts';
import { BEFORE_ROOT, IN_SYSROOT } from '../../../src/boot/roots.ts';
import { StatectlError } from '../../../src/error.ts';
import type { Host } from '../../../src/host/host.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import type { Facts } from '../../../src/machine/facts/facts.ts';
import { JOURNAL } from '../../../src/machine/paths.ts';
import type { Roots } from '../../../src/machine/roots.ts';
import type { Step } from '../../../src/machine/steps/step.ts';
import { createFacts, USER_DATA_DISK } from '../../fixtures/facts.ts';
import { makeCertificate } from '../../fixtures/identity/certificates.ts';

const write = (path: string): Step => ({ kind: 'write', path, content: path });
const phase = (name: Phase['name'], ...rounds: Phase['rounds']): Phase => ({ name, rounds });

interface Run {
  readonly phases: readonly Phase[];
  readonly breakAt?: readonly string[];
  readonly firstIndex?: number;
  readonly openBreak?: EngineOptions['openBreak'];
}

/** A machine on which phases run: what it said, journalled and kept. */
function engine() {
  const host = memoryHost({ files: { '/run/statectl': { type: 'dir' }, '/d': { type: 'dir' } } });
  const journal: JournalEntry[] = [];
  const kept: Facts[] = [];
  const run = ({ phases, breakAt = [], firstIndex = 0, openBreak = async () => {} }: Run) =>
    runPhases(phases, createFacts(), host, {
      journal: async (entry) => void journal.push(entry),
      signal: new AbortController().signal,
      breakAt: new Set(breakAt),
      openBreak,
      firstIndex,
      keep: async (facts) => void kept.push(facts),
    });
  return { host, journal, kept, run, said: () => host.lines.map(({ level, text }) => `${level} ${text}`) };
}

describe('a boot', () => {
  it.each<[string, Roots, string]>([
    ['before the root is mounted', BEFORE_ROOT, '/run/initramfs/user-data'],
    ['in the root that is put together', IN_SYSROOT, '/sysroot/user-data'],
  ])('shows servers, looking and doing, the certificate that a disk keeps: %s', async (_title, roots, folder) => {
    const own = await makeCertificate({ name: 'print01', isAuthority: false });
    const home = `${folder}/persistent/statectl/identity`;
    const host = memoryHost({
      files: { [`${home}/machine.pem`]: own.pem, [`${home}/machine.key`]: own.keyPem, '/d': { type: 'dir' } },
      servers: { 'https://boot.lab': () => ({ status: 404 }) },
      startMs: Date.now(),
    });
    const facts = createFacts({
      root: { blocks: [USER_DATA_DISK] },
      config: { server: { servers: ['https://boot.lab'], authentication: 'mtls' } },
    });
    const fetch = {
      kind: 'fetch' as const,
      ...{ urls: ['https://boot.lab/b'], to: '/d/b', sha256: '', sizeBytes: 1, otherwise: 'warn' as const },
      limits: { connectMs: 1, stallMs: 1, tries: 1 },
    };
    const look = async ({ http }: Host) => http.request('https://boot.lab/a').then(() => ({}));
    await runPhases([{ name: 'update', roots, rounds: [{ gather: look, plan: () => [fetch] }] }], facts, host, {
      journal: async () => {},
      signal: new AbortController().signal,
      breakAt: new Set(),
      openBreak: async () => {},
      firstIndex: 0,
      keep: async () => {},
    });
    const shown = host.calls.flatMap((call) => (call.kind === 'request' ? [call.request.tls?.certPem] : []));
    expect(shown).toEqual([own.pem, own.pem]);
  });

  it('gathers and plans round by round: a later look sees what the steps before it did', async () => {
    const { run, host } = engine();
    const seen: unknown[] = [];
    const { facts, steps } = await run({
      phases: [
        phase(
          'devices',
          { plan: () => [write('/d/1')] },
          {
            gather: async ({ files }) => ({ root: { offerFailure: (await files.list('/d')).join() } }),
            plan: ({ root: { offerFailure } }) => {
              seen.push(offerFailure);
              return [write('/d/2')];
            },
          },
        ),
      ],
    });
    expect(seen).toEqual(['1']);
    expect(facts.root.offerFailure).toBe('1');
    expect(steps).toEqual([write('/d/1'), write('/d/2')]);
    expect(await host.files.list('/d')).toEqual(['1', '2']);
  });

  it('says each step under its phase, with its place in the story and how long it took', async () => {
    const { run, said } = engine();
    await run({
      phases: [phase('mount', { plan: () => [write('/d/1')] }), phase('install', { plan: () => [write('/d/2')] })],
      firstIndex: 7,
    });
    expect(said()).toEqual([
      'info mount (8/9): write /d/1 … done in 0 ms',
      'info install (9/9): write /d/2 … done in 0 ms',
    ]);
  });

  it('times its phases by the clock of the machine', async () => {
    const { run, host } = engine();
    const wait = (ms: number) => ({ gather: () => host.clock.sleep(ms).then(() => ({})) });
    const { phases } = await run({ phases: [phase('devices', wait(1500)), phase('network', wait(250))] });
    expect(phases).toEqual([
      { name: 'devices', startedMs: 0, tookMs: 1500, steps: 0 },
      { name: 'network', startedMs: 1500, tookMs: 250, steps: 0 },
    ]);
  });

  it('journals what began, what was done and said, and what ended', async () => {
    const { run, journal } = engine();
    await run({
      phases: [
        phase('mount', {
          gather: async (_host, _facts, boot) => {
            boot.say('looking');
            boot.warn('odd');
            return {};
          },
          plan: () => [{ kind: 'mkdir', path: '/d/x' }],
        }),
      ],
    });
    expect(journal).toEqual([
      { event: 'phase-started', phase: 'mount' },
      { event: 'said', level: 'info', phase: 'mount', text: 'looking' },
      { event: 'said', level: 'warning', phase: 'mount', text: 'odd' },
      { event: 'step', phase: 'mount', step: 'directory /d/x', command: 'mkdir -p /d/x', tookMs: 0 },
      { event: 'phase-ended', phase: 'mount', tookMs: 0 },
    ]);
  });

  it('keeps warnings for the record, and no secret in any of them', async () => {
    const { run, said } = engine();
    const { warnings } = await run({
      phases: [
        phase('bundle', {
          gather: async (_host, _facts, boot) => {
            boot.warn('http://bob:hunter2@boot.lab/ is slow');
            return {};
          },
        }),
      ],
    });
    expect(warnings).toEqual(['http://[redacted]@boot.lab/ is slow']);
    expect(said().join()).not.toContain('hunter2');
  });

  it('keeps the facts after every phase, so that a resumed boot has them', async () => {
    const { run, kept } = engine();
    await run({
      phases: [
        phase('devices', { gather: async () => ({ root: { blocks: [{ device: '/dev/sda' }] } }) }),
        phase('network', { gather: async () => ({ network: { leases: [] } }) }),
      ],
    });
    expect(kept.map(({ root: { blocks }, network: { leases } }) => [blocks?.length, leases?.length])).toEqual([
      [1, 1],
      [1, 0],
    ]);
  });
});

describe('a breakpoint', () => {
  it('opens the shell before its phase, and the boot goes on when the shell is left', async () => {
    const { run, journal, host } = engine();
    const there: string[] = [];
    await run({
      phases: [phase('mount', { plan: () => [write('/d/1')] }), phase('install', { plan: () => [write('/d/2')] })],
      breakAt: ['install'],
      openBreak: async (name) => void there.push(`${name}: ${(await host.files.list('/d')).join()}`),
    });
    expect(there).toEqual(['install: 1']);
    expect(await host.files.list('/d')).toEqual(['1', '2']);
    expect(journal.filter(({ event }) => event === 'break')).toEqual([{ event: 'break', phase: 'install' }]);
  });
});

describe('a phase that fails', () => {
  const missing = new StatectlError('root-missing', 'the root is not there', { hint: 'plug it in' });
  const fails = (error: unknown) => ({
    gather: async () => {
      throw error;
    },
  });

  it('ends the boot with what went wrong and what to do, and keeps the facts until then', async () => {
    const { run, journal, kept } = engine();
    const failure = await run({
      phases: [
        phase('devices', { gather: async () => ({ root: { blocks: [] } }) }),
        phase('slot', fails(missing)),
        phase('mount'),
      ],
    }).catch((error) => error);
    expect(failure).toBeInstanceOf(PhaseFailure);
    expect(failure).toMatchObject({ phase: 'slot', error: missing });
    expect(journal.at(-1)).toEqual({
      event: 'failed',
      phase: 'slot',
      code: 'root-missing',
      text: 'the root is not there',
      hint: 'plug it in',
    });
    expect(kept.at(-1)).toMatchObject({ root: { blocks: [] } });
  });

  it('keeps what it found out before it failed, for whoever looks into it', async () => {
    const { run, kept } = engine();
    await run({ phases: [phase('devices', { gather: async () => ({ root: { blocks: [] } }) }, fails(missing))] }).catch(
      () => {},
    );
    expect(kept).toMatchObject([{ root: { blocks: [] } }]);
  });

  it('gives even what nobody foresaw a code and a hint', async () => {
    const failure = await engine()
      .run({ phases: [phase('mount', fails(new TypeError('x is not a function')))] })
      .catch((error) => error);
    expect(failure).toMatchObject({
      phase: 'mount',
      error: { code: 'unexpected', message: 'x is not a function', hint: expect.stringContaining('dmesg') },
    });
  });

  it('is tried once more the other way, where it knows one', async () => {
    const { run, said } = engine();
    const other: Phase = {
      name: 'update',
      rounds: [
        {
          gather: async (_host, { root: { offer } }) =>
            offer ? fails(missing).gather() : { root: { offerFailure: 'went on' } },
        },
      ],
      instead: (error) => (error.code === 'root-missing' ? { root: { offer: undefined } } : undefined),
    };
    const { facts, warnings } = await run({ phases: [other] });
    expect(facts).toMatchObject({ root: { offerFailure: 'went on' } });
    expect(facts.root).not.toHaveProperty('offer');
    expect(warnings).toEqual(['the root is not there: trying another way']);
    expect(said()).toEqual(['warning update (1/1): the root is not there: trying another way']);
  });

  it('fails when the other way fails as well, with what failed there', async () => {
    const { run } = engine();
    let tries = 0;
    const other: Phase = {
      name: 'update',
      rounds: [
        {
          gather: async () => {
            tries += 1;
            throw new StatectlError(`try-${tries}`, 'no');
          },
        },
      ],
      instead: () => ({}),
    };
    await expect(run({ phases: [other] })).rejects.toMatchObject({ error: { code: 'try-2' } });
    expect(tries).toBe(2);
  });

  it('does nothing of the phases after it', async () => {
    const { run, host } = engine();
    await run({ phases: [phase('slot', fails(missing)), phase('mount', { plan: () => [write('/d/1')] })] }).catch(
      () => {},
    );
    expect(await host.files.list('/d')).toEqual([]);
  });
});

describe('the journal', () => {
  const lines = async (files: { readText(path: string): Promise<string> }, path = JOURNAL) =>
    (await files.readText(path))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

  it('is one JSON object a line, in the order in which things happened, with the time of each', async () => {
    const { files, clock } = memoryHost({ files: { '/run/statectl': { type: 'dir' } } });
    const journal = openJournal(files, () => clock.uptimeMs(), '/dev/ttyS1');
    await files.mkdir('/dev');
    void journal({ event: 'phase-started', phase: 'mount' });
    await clock.sleep(12.4);
    void journal({ event: 'said', level: 'info', phase: 'mount', text: 'a "quoted"\nword' });
    await journal({ event: 'phase-ended', phase: 'mount', tookMs: 12 });
    expect(await lines(files)).toEqual([
      { atMs: 0, event: 'phase-started', phase: 'mount' },
      { atMs: 12, event: 'said', level: 'info', phase: 'mount', text: 'a "quoted"\nword' },
      { atMs: 12, event: 'phase-ended', phase: 'mount', tookMs: 12 },
    ]);
    expect(await lines(files, '/dev/ttyS1')).toHaveLength(3);
  });

  it('keeps that order when a write takes long', async () => {
    const { files, clock } = memoryHost({ files: { '/run/statectl': { type: 'dir' } } });
    const append = async (path: string, data: string | Uint8Array) => {
      await clock.sleep(String(data).includes('boot-started') ? 100 : 1);
      await files.append(path, data);
    };
    const journal = openJournal({ append }, () => 0, undefined);
    void journal({ event: 'boot-started', version: '1' });
    await journal({ event: 'break', phase: 'mount' });
    expect((await lines(files)).map(({ event }) => event)).toEqual(['boot-started', 'break']);
  });

  it('never costs a boot: a full /run and a port that is not there are passed over', async () => {
    const { files, clock } = memoryHost();
    const journal = openJournal(files, () => clock.uptimeMs(), '/dev/ttyS9');
    await expect(journal({ event: 'boot-started', version: '1' })).resolves.toBeUndefined();
  });

  it('stays JSON when secrets are taken out', async () => {
    const { files, clock } = memoryHost({ files: { '/run/statectl': { type: 'dir' } } });
    const journal = openJournal(files, () => clock.uptimeMs(), undefined);
    await journal({
      event: 'said',
      level: 'info',
      phase: 'cmdline',
      text: 'root=x rd.iscsi.password="a b" statectl.token=abc',
    });
    expect(await lines(files)).toMatchObject([
      { text: 'root=x rd.iscsi.password=[redacted] statectl.token=[redacted]' },
    ]);
  });
});
