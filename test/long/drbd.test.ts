import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shellQuote } from '../../src/host/shell-line.ts';
import { ADDRESSES, PLACE, VolumeLab } from '../boot/volume-lab.ts';
import { HANG_MS } from '../fixtures/hang.ts';

describe('a print host with a volume, and a management host with its disk', () => {
  let lab: VolumeLab;

  beforeAll(async () => {
    lab = await VolumeLab.make();
  });
  afterAll(async () => {
    await lab[Symbol.asyncDispose]();
  });

  const mounted = () => lab.machine.run(`awk '$2 == "${PLACE}" { print $1, $3 }' /proc/mounts`);
  const become = (state: string) =>
    expect.poll(async () => (await lab.standing())?.state, { timeout: HANG_MS, interval: 500 }).toBe(state);

  test('is filled from the server at each boot, and has all but the last second of what a machine wrote that lost its power', async () => {
    const management = await lab.bootManagement();
    const vm = await lab.bootMachine();
    expect(await mounted()).toBe('/dev/drbd100 ext4');
    expect(await vm.run(`stat -c %U ${PLACE}`)).toBe('pi');
    expect(await vm.run('cat /proc/drbd')).toContain('ro:Primary/Secondary ds:UpToDate/UpToDate A');
    await become('in-step');
    // Nobody but root reads the secret, and no process was told it where others see it.
    expect(await vm.run('stat -c %a /run/statectl/state/voron/session.json')).toBe('600');
    expect(await vm.run(`runuser -u pi -- cat /run/statectl/drbd/voron.database/volume 2>&1 || true`)).toContain(
      'Permission denied',
    );
    const write = `i=0; while :; do i=$((i + 1)); echo $i >${PLACE}/count.new; sync ${PLACE}/count.new; mv ${PLACE}/count.new ${PLACE}/count; sync ${PLACE}; done`;
    await vm.run(
      `printf %s ${shellQuote(write)} >/run/writes.sh; systemd-run --uid pi --unit writes sh /run/writes.sh`,
    );
    await vm.run(`until test -e ${PLACE}/count; do sleep 0.1; done`);
    const aSecondBefore = Number(await vm.run(`cat ${PLACE}/count; sleep 1`));
    await lab.killMachine();
    const again = await lab.bootMachine();
    expect(await mounted()).toBe('/dev/drbd100 ext4');
    expect(Number(await again.run(`cat ${PLACE}/count`))).toBeGreaterThanOrEqual(aSecondBefore);
    await become('in-step');
    expect(await again.run('/run/statectl/bin/statectl status --no-changes')).toMatch(/voron database +in step/);
    expect(await management.run('cat /proc/drbd')).toContain('ds:UpToDate/UpToDate');
  });

  test('is sent to its end when the machine goes down', async () => {
    await lab.machine.run(`echo last >${PLACE}/last; systemctl poweroff --no-block`);
    expect(await lab.machine.ended()).toBe('guest-shutdown');
    expect(lab.machine.transcript).not.toContain('are not on');
    const { management } = lab;
    expect(await management.run('cat /proc/drbd')).toMatch(/ro:Secondary\/Unknown ds:UpToDate/);
    const look = [
      'drbdadm primary all',
      'mount -o ro /dev/drbd100 /mnt',
      'cat /mnt/last',
      'umount /mnt',
      'drbdadm secondary all',
    ];
    expect(await management.run(look.join(' && '))).toBe('last');
  });

  test('is plain RAM in a boot without its management host, begins with what the machine kept, and is shipped as a branch', async () => {
    await lab.killManagement();
    const vm = await lab.bootMachine();
    expect(await mounted()).toBe('volume tmpfs');
    expect(await vm.run(`cat ${PLACE}/last`)).toBe('last');
    expect(await vm.run('cat /run/statectl/state/voron/session.json')).toContain(
      `${ADDRESSES.server}:7900 does not answer`,
    );
    await vm.run(`runuser -u pi -- sh -c 'echo here >${PLACE}/here'`);
    await become('branch');
    expect(await vm.run('/run/statectl/bin/statectl status --no-changes')).toMatch(/voron database +kept as a BRANCH/);
    expect(await readdir(join(lab.state, 'state/voron/branches'))).toHaveLength(1);
  });
});
