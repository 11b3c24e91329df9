import { describe, expect, it } from 'vitest';
import { canRunRescue, RescueRig } from '../fixtures/rescue-rig.ts';

// The scripts themselves, under busybox, on a terminal: what is promised to a person at the console.

/** `mkpasswd -m sha-512 -S abcdefgh geheim` */
const HASH = '$6$abcdefgh$msgktWxVAbjjh3X7lA5LaM7dS/ZfABJL6T4qcRsnjcOTj0kptUvZcrvrXIoO5fgPA9xz6UnF2To2Y7jGc/IZY/';

describe.skipIf(!canRunRescue()).concurrent('the rescue prompt', () => {
  it('says why, opens a shell on Enter, where Ctrl-C stops a program; exit tries the boot again', async () => {
    using prompt = new RescueRig({});
    await prompt.see(/the reason\s+statectl: press Enter for the rescue shell; reboot in \d+ s/);
    prompt.type('\n');
    await prompt.see(/"statectl rescue" lists what can be done; "exit" tries the boot again/);
    await prompt.see(/rescue:.*# /);
    prompt.type('sleep 1000\n');
    await prompt.see(/sleep 1000\r\n/);
    await new Promise((resolve) => setTimeout(resolve, 500));
    prompt.type('\x03');
    await prompt.see(/rescue:.*# /);
    prompt.type('exit\n');
    expect(await prompt.outcome()).toBe('boot');
  });

  it('ends at once when `statectl rescue` has an answer', async () => {
    using prompt = new RescueRig({});
    await prompt.see(/press Enter/);
    prompt.type('\n');
    await prompt.see(/rescue:.*# /);
    prompt.type('echo "--from mount" >/run/initramfs/answer\n');
    expect(await prompt.outcome()).toBe('boot --from mount');
  });

  it('reboots when nobody came in time, and says that without a disk nothing counts the reboots', async () => {
    using prompt = new RescueRig({ env: 'STATECTL_COUNTDOWN=2\n' });
    expect(await prompt.outcome()).toBe('rebooted');
    expect(prompt.said).toContain(
      'there is no disk to count reboots on: every boot is the first attempt\nreboot now\n',
    );
  });

  it('counts its reboots on the disk', async () => {
    using prompt = new RescueRig({ env: 'STATECTL_COUNTDOWN=2\n', attempts: 4 });
    expect(await prompt.outcome()).toBe('rebooted');
    expect(prompt.said).toContain('unattended reboot 5 of at most 5 in a row');
  });

  it('waits for a person when as many reboots as allowed did not help', async () => {
    using prompt = new RescueRig({ env: 'STATECTL_COUNTDOWN=2\n', attempts: 5 });
    await prompt.hear(/^5 reboots in a row did not help: waiting for a person$/m);
    prompt.type('\n');
    await prompt.see(/rescue:.*# /);
    prompt.type('exit\n');
    expect(await prompt.outcome()).toBe('boot');
  });

  it('powers off where that is the unattended answer, or rd.emergency says so', async () => {
    using prompt = new RescueRig({ env: 'STATECTL_COUNTDOWN=2\n', commandLine: 'rd.emergency=poweroff' });
    expect(await prompt.outcome()).toBe('powered off');
  });

  it('opens only to the password, and after three wrong ones asks anew', async () => {
    using prompt = new RescueRig({ env: `STATECTL_ACCESS='${HASH}'\n` });
    await prompt.see(/press Enter/);
    prompt.type('\n');
    for (const word of ['hunter2', '', ' geheim']) {
      await prompt.see(/Password of the rescue shell: /);
      prompt.type(`${word}\n`);
    }
    await prompt.see(/press Enter for the rescue shell/);
    prompt.type('\n');
    await prompt.see(/Password of the rescue shell: /);
    prompt.type('geheim\n');
    await prompt.see(/rescue:.*# /);
    prompt.type('exit\n');
    expect(await prompt.outcome()).toBe('boot');
  });

  it('says why there is no shell and which key opens one; Enter tries again', async () => {
    using prompt = new RescueRig({ env: 'STATECTL_ACCESS=none\n' });
    await prompt.see(/no rescue shell: controller\/rescue\.conf .*rdinit=\/bin\/sh/);
    await prompt.see(/press Enter to try the boot again; reboot in/);
    prompt.type('\n');
    expect(await prompt.outcome()).toBe('boot');
  });

  it.each(['panic=-1', 'panic=1'])('is not there with %s', async (commandLine) => {
    using prompt = new RescueRig({ commandLine });
    expect(await prompt.outcome()).toBe('rebooted');
    expect(prompt.said).toContain(`no prompt (${commandLine})`);
  });

  it('opens without Enter when it was asked for, whatever panic= says, and exit boots', async () => {
    using prompt = new RescueRig({ commandLine: 'panic=-1 statectl.rescue', run: ': >/run/initramfs/asked; rescue' });
    await prompt.see(/"exit" goes on/);
    prompt.type('exit\n');
    expect(await prompt.outcome()).toBe('boot --from cmdline');
  });

  it('of a breakpoint does not stop a machine that has no shell for anybody', async () => {
    using prompt = new RescueRig({ env: 'STATECTL_ACCESS=none\n', run: '/bin/rescue-shell' });
    expect(await prompt.outcome()).toBe('boot unset');
  });
});
