import { describe, expect, it } from 'vitest';
import type { JournalEntry } from '../../../../src/boot/record/journal.ts';
import { rescue } from '../../../../src/commands/machine/rescue.ts';
import type { Seed } from '../../../../src/host/memory/seed.ts';
import { type MemoryHost, memoryHost } from '../../../../src/host/memory.ts';
import { ANSWER, FACTS, INITRD_RELEASE, JOURNAL, REPORT, WAITING } from '../../../../src/machine/paths.ts';
import { createFacts } from '../../../fixtures/facts.ts';

const started: JournalEntry = { event: 'boot-started', version: '1.2.3' };
const phase = (name: string): JournalEntry => ({ event: 'phase-started', phase: name });
const failed = (name: string): readonly JournalEntry[] => [
  started,
  phase(name),
  { event: 'failed', phase: name, code: 'mount-failed', text: 'http://me:hidden@server broke', hint: 'mend it' },
  { event: 'rescue', phase: name, code: 'mount-failed' },
];
const ASKED: readonly JournalEntry[] = [started, { event: 'rescue', phase: 'cmdline', code: 'rescue-asked' }];
const BREAK: readonly JournalEntry[] = [started, phase('cmdline'), { event: 'break', phase: 'mount' }];
const CRASHED: readonly JournalEntry[] = [started, phase('update')];
const DONE: readonly JournalEntry[] = [started, { event: 'handed-over', init: '/sbin/init', bootMs: 9000 }];

/** A machine in its rescue shell, or after the switch, with this journal. */
function machine(
  journal: readonly JournalEntry[],
  where: 'initramfs' | 'running' = 'initramfs',
  files: Readonly<Record<string, Seed>> = {},
): MemoryHost {
  const lines = journal.map((entry, index) => `${JSON.stringify({ atMs: 1000 * (index + 1), ...entry })}\n`);
  return memoryHost({
    files: {
      [JOURNAL]: lines.join(''),
      ...(where === 'initramfs' ? { [INITRD_RELEASE]: '', [WAITING]: '' } : {}),
      ...files,
    },
    programs: { sh: () => '', reboot: () => '', poweroff: () => '' },
  });
}

async function say(host: MemoryHost, ...words: string[]): Promise<string> {
  let text = '';
  expect(await rescue(host, words, (more) => (text += more))).toBe(0);
  return text;
}

const answerTo = async (journal: readonly JournalEntry[], ...words: string[]): Promise<string> => {
  const host = machine(journal);
  await say(host, ...words);
  return host.files.readText(ANSWER);
};

describe('statectl rescue', () => {
  it('says what failed, without secrets, and what can be done', async () => {
    expect(await say(machine(failed('mount')))).toMatchInlineSnapshot(`
      "the boot failed in its phase mount (mount-failed), 3.0 s after the kernel started
        http://[redacted]@server broke
      → mend it

        statectl rescue report            the whole report
        statectl rescue log               what was done, in order
        statectl rescue config            the settings in force, without secrets
        statectl rescue plan              the steps of this boot as commands
        statectl rescue retry [PHASE]     try mount again, or begin at an earlier phase
        statectl rescue continue          leave mount out and go on with install
        statectl rescue shell [TTY]       another shell, here or on another console
        statectl rescue reboot [--force]  reboot
        statectl rescue poweroff          switch the machine off
      "
    `);
  });

  it('offers at a breakpoint to go on, and not to try again', async () => {
    const text = await say(machine(BREAK));
    expect(text).toContain('the boot stopped before its phase mount');
    expect(text).toContain('go on with mount');
    expect(text).not.toContain('retry');
  });

  it('offers in the running system only what can be read', async () => {
    const text = await say(machine(DONE, 'running'));
    expect(text).toContain('the boot came to its end after 9.0 s, for /sbin/init');
    expect(text).not.toContain('poweroff');
  });

  it('says that /init could not hand over, when the controller did its part and this is still the initramfs', async () => {
    expect(await say(machine(DONE))).toContain('handover (switch-failed)');
  });

  it('gives its state as JSON', async () => {
    expect(JSON.parse(await say(machine(CRASHED), '--json'))).toEqual({
      state: { kind: 'crashed', phase: 'update' },
      inInitramfs: true,
    });
  });

  it('has no command that it does not know', async () => {
    await expect(say(machine(DONE), 'repair')).rejects.toMatchObject({ code: 'usage' });
    await expect(say(machine(DONE), 'report', 'more')).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('statectl rescue retry', () => {
  it('begins again at the phase that failed', async () => {
    expect(await answerTo(failed('mount'), 'retry')).toBe('--from mount\n');
  });

  it('begins at an earlier phase that is named', async () => {
    expect(await answerTo(failed('mount'), 'retry', 'devices')).toBe('--from devices\n');
  });

  it('never begins behind the phase that failed', async () => {
    await expect(say(machine(failed('mount')), 'retry', 'install')).rejects.toMatchObject({
      code: 'rescue-not-now',
      message: 'install comes after mount, which is not done',
    });
  });

  it('boots when the rescue shell was only asked for', async () => {
    expect(await answerTo(ASKED, 'retry')).toBe('--from cmdline\n');
  });

  it('boots anew after a crash', async () => {
    expect(await answerTo(CRASHED, 'retry')).toBe('\n');
  });

  it('hands over again when /init could not', async () => {
    expect(await answerTo(DONE, 'retry')).toBe('--from handover\n');
  });

  it('has nothing to do at a breakpoint', async () => {
    await expect(say(machine(BREAK), 'retry')).rejects.toMatchObject({ code: 'rescue-not-now' });
  });

  it('has nobody to tell while the boot is going on', async () => {
    const host = machine(failed('mount'), 'running', { [INITRD_RELEASE]: '' });
    await expect(say(host, 'retry')).rejects.toMatchObject({
      message: 'nobody waits for an answer: the boot is going on',
    });
  });

  it('is refused in the running system', async () => {
    await expect(say(machine(DONE, 'running'), 'retry')).rejects.toMatchObject({ code: 'not-initramfs' });
  });
});

describe('statectl rescue continue', () => {
  it('goes on with the phase after the one that failed', async () => {
    expect(await answerTo(failed('network'), 'continue')).toBe('--from bundle\n');
  });

  it('leaves the breakpoint', async () => {
    expect(await answerTo(BREAK, 'continue')).toBe('\n');
  });

  it('boots when the rescue shell was only asked for', async () => {
    expect(await answerTo(ASKED, 'continue')).toBe('--from cmdline\n');
  });

  it.each(['cmdline', 'config', 'handover'])('does not leave out %s, nor offer to', async (name) => {
    expect(await say(machine(failed(name)))).not.toContain('rescue continue');
    await expect(say(machine(failed(name)), 'continue')).rejects.toMatchObject({ code: 'rescue-not-now' });
  });
});

describe('what there is to read', () => {
  it('is the report as it was kept', async () => {
    expect(await say(machine(DONE, 'running', { [REPORT]: 'all of it' }), 'report')).toBe('all of it');
  });

  it('is no report where no boot failed', async () => {
    await expect(say(machine(DONE, 'running'), 'report')).rejects.toMatchObject({
      code: 'rescue-nothing',
      message: `${REPORT} is not there: no boot of this machine failed since it started`,
    });
  });

  it('is the journal in sentences, or as it was kept', async () => {
    const host = machine(failed('mount'));
    expect(await say(host, 'log')).toMatchInlineSnapshot(`
      "    1.000 s  statectl 1.2.3 begins
          2.000 s  mount …
          3.000 s  mount: FAILED (mount-failed): http://[redacted]@server broke
                   → mend it
          4.000 s  rescue (mount-failed)
      "
    `);
    expect((await say(host, 'log', '--json')).split('\n')[0]).toBe(
      '{"atMs":1000,"event":"boot-started","version":"1.2.3"}',
    );
  });

  it('is the settings in force, a line each, without the hash that opens the shell', async () => {
    const facts = createFacts({
      config: {
        rescue: {
          access: '$6$abcdefgh$msgktWxVAbjjh3X7lA5LaM7dS/ZfABJL6T4qcRsnjcOTj0kptUvZcrvrXIoO5fgPA9xz6UnF2To2Y7jGc/IZY/',
        },
      },
    });
    const host = machine(failed('mount'), 'initramfs', { [FACTS]: JSON.stringify(facts) });
    const text = await say(host, 'config');
    expect(text).toContain('network.waitMs: 10000\n');
    expect(text).toContain('rescue.access: [redacted]\n');
    expect(JSON.parse(await say(host, 'config', '--json')).rescue.access).toBe('[redacted]');
  });

  it('is what the builder merged, when the boot failed before it read its settings', async () => {
    const { config } = createFacts();
    expect(
      await say(
        machine(failed('cmdline'), 'initramfs', { '/config.json': JSON.stringify({ digest: '', config }) }),
        'config',
      ),
    ).toContain('boot.keepCopy: true\n');
  });
});

describe('leaving', () => {
  it('reboots with every disk left clean', async () => {
    const host = machine(failed('mount'));
    await say(host, 'reboot');
    expect(host.commands).toEqual(['sh -c . /etc/rescue.sh; leave reboot']);
  });

  it('reboots at once with --force', async () => {
    const host = machine(failed('mount'));
    await say(host, 'reboot', '--force');
    expect(host.commands).toEqual(['reboot -n -f']);
  });

  it('leaves the running system to its own way down', async () => {
    await expect(say(machine(DONE, 'running'), 'poweroff')).rejects.toMatchObject({
      hint: 'use `systemctl poweroff` in the running system',
    });
  });

  it('opens a shell on another console, under the policy of the image', async () => {
    const host = machine(failed('mount'), 'initramfs', { '/dev/tty2': { type: 'char' } });
    await say(host, 'shell', '/dev/tty2');
    expect(host.commands).toEqual(['sh -c setsid setsid -c /bin/rescue-shell extra "$0" <>"/dev/$0" >&0 2>&0 tty2']);
  });

  it('opens no shell on a console that is not there', async () => {
    await expect(say(machine(failed('mount')), 'shell', 'ttyS9')).rejects.toMatchObject({
      message: 'there is no terminal /dev/ttyS9',
    });
  });
});
