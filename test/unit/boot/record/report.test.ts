import { describe, expect, it } from 'vitest';
import { readCommandLine } from '../../../../src/boot/phases/cmdline.ts';
import { failureText, writeReport } from '../../../../src/boot/record/report.ts';
import { StatectlError } from '../../../../src/error.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { endOf } from '../../../../src/machine/logs/end-of-text.ts';
import { JOURNAL, REPORT } from '../../../../src/machine/paths.ts';
import { createFacts } from '../../../fixtures/facts.ts';

const failure = {
  phase: 'mount',
  error: new StatectlError('mount-failed', '/dev/vda is no file system', { hint: 'see blkid' }),
  facts: createFacts({
    config: {
      rescue: {
        access: '$6$abcdefgh$msgktWxVAbjjh3X7lA5LaM7dS/ZfABJL6T4qcRsnjcOTj0kptUvZcrvrXIoO5fgPA9xz6UnF2To2Y7jGc/IZY/',
      },
    },
  }),
} as const;

const machine = (programs = {}) =>
  memoryHost({
    files: {
      '/run/initramfs': { type: 'dir' },
      '/proc/cmdline': 'quiet statectl.token=hunter2 statectl.server=http://me:hidden@boot.lab\n',
      '/etc/cmdline.d/site.conf': 'statectl.image=lab\n',
      [JOURNAL]: '{"atMs":1,"event":"boot-started","version":"1.2.3"}\n',
    },
    programs: {
      dmesg: () => '[0.1] first\n',
      lsmod: () => 'virtio_net\n',
      ip: (argv) => `output of ${argv.join(' ')}\n`,
      ...programs,
    },
  });

describe('the report of a boot that failed', () => {
  it('has what an admin asks for first', async () => {
    const host = machine();
    await writeReport(host, { ...failure, facts: { ...failure.facts, commandLine: await readCommandLine(host) } });
    const report = await host.files.readText(REPORT);
    for (const part of [
      '/dev/vda is no file system',
      '→ see blkid',
      '/etc/cmdline.d/site.conf: statectl.image=lab',
      'statectl.image=lab (/etc/cmdline.d/site.conf)',
      'sha256 c0c0',
      '"keepCopy": true',
      'output of ip route',
      'virtio_net',
      '[0.1] first',
      '"boot-started"',
    ])
      expect(report).toContain(part);
  });

  it('has no secret', async () => {
    const host = machine({ dmesg: () => 'Kernel command line: statectl.token=hunter2\n' });
    // Parsed, the value of an argument stands apart from the name that tells that it is a secret.
    const words = 'statectl.token=hunter2 rd.iscsi.password="hunter3 x" wifi.psk=hunter4 nbd.cifspass=hunter5';
    const { commandLine } = createFacts({ commandLine: words });
    await writeReport(host, { ...failure, facts: { ...failure.facts, commandLine } });
    const report = await host.files.readText(REPORT);
    expect(report).toContain('rd.iscsi.password=[redacted]');
    for (const secret of ['hunter', 'hidden', 'msgktWxVAbjjh3X7lA5LaM7dS']) expect(report).not.toContain(secret);
  });

  it('is for root alone, in both places', async () => {
    const host = machine();
    await writeReport(host, failure);
    expect((await host.files.stat(REPORT))?.mode).toBe(0o600);
    expect(await host.files.readlink('/run/statectl/report.txt')).toBe(REPORT);
  });

  it('is bounded, whatever the kernel has to say', async () => {
    const host = machine({ dmesg: () => `${'x'.repeat(99)}\n`.repeat(50_000) });
    const report = await writeReport(host, failure);
    expect(report.length).toBeLessThan(260_000);
    expect(report).toContain('bytes left out');
  });

  it('goes without what a program does not tell', async () => {
    const report = await writeReport(machine({ blkid: () => ({ tookMs: Number.POSITIVE_INFINITY }) }), failure);
    expect(report).toContain('"blkid" did not end within 5000 ms');
    expect(report).toContain('cannot start "free"');
  });

  it('is written anew for the next failure', async () => {
    const host = machine();
    await writeReport(host, failure);
    await writeReport(host, { ...failure, error: new StatectlError('other', 'something else') });
    expect(await host.files.readText('/run/statectl/report.txt')).toContain('something else');
  });
});

describe('the words at the prompt', () => {
  it('say what failed, why, and what to do', () => {
    expect(failureText(failure)).toMatchInlineSnapshot(`
      "
      statectl: the boot failed in its phase "mount" (mount-failed)
        /dev/vda is no file system
      → see blkid
        The whole report: /run/initramfs/report.txt, or \`statectl rescue report\`

      "
    `);
  });

  it('do not speak of a failure when the rescue shell was asked for', () => {
    const error = new StatectlError('rescue-asked', 'statectl.rescue is on the kernel command line', {
      hint: '`statectl rescue continue` boots',
    });
    expect(failureText({ phase: 'cmdline', error, facts: {} })).not.toContain('failed');
  });
});

it('of a long text its end is kept, from the beginning of a line', () => {
  expect(endOf('one\ntwo\nthree\n', 8)).toBe('[8 bytes left out]\nthree\n');
  expect(endOf('short', 8)).toBe('short');
});
