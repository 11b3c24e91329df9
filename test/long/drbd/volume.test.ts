import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HANG_MS } from '../../fixtures/hang.ts';
import { STATE } from '../../fixtures/volume/management-guest.ts';
import { DEVICE, PLACE, VolumeLab } from '../../fixtures/volume/volume-lab.ts';
import { countingWrites } from '../../fixtures/volume/volume-writes.ts';

describe('a print host with a volume, and a management host with its disk and its server', () => {
  let lab: VolumeLab;

  beforeAll(async () => {
    lab = await VolumeLab.make({ logName: 'drbd' });
    await lab.bootManagement();
  });
  afterAll(() => lab?.[Symbol.asyncDispose]());

  const mounted = () => lab.machine.run(`awk '$2 == "${PLACE}" { print $1, $3 }' /proc/mounts`);
  const become = (state: string) =>
    // With why it is not, where it stays so.
    expect.poll(() => lab.standing(), { timeout: HANG_MS, interval: 500 }).toEqual(expect.objectContaining({ state }));

  test('is filled from the server at each boot, and has all but the last second of what a machine wrote that lost its power', async () => {
    const vm = await lab.bootMachine();
    expect(await mounted()).toBe(`${DEVICE} ext4`);
    expect(await vm.run(`stat -c %U ${PLACE}`)).toBe('pi');
    expect(await vm.run('cat /proc/drbd')).toContain('ro:Primary/Secondary ds:UpToDate/UpToDate A');
    await become('in-step');
    // Nobody but root reads the secret, and no process was told it where others see it.
    expect(await vm.run('stat -c %a /run/statectl/state/voron/session.json')).toBe('600');
    expect(await vm.run(`runuser -u pi -- cat /run/statectl/drbd/voron.database/volume 2>&1 || true`)).toContain(
      'Permission denied',
    );
    const count = await countingWrites(vm);
    const aSecondBefore = Number(await vm.run(`cat ${count}; sleep 1`));
    await lab.pullPlug('machine');
    const again = await lab.bootMachine();
    expect(await mounted()).toBe(`${DEVICE} ext4`);
    expect(Number(await again.run(`cat ${count}`))).toBeGreaterThanOrEqual(aSecondBefore);
    await become('in-step');
    expect(await again.run('/run/statectl/bin/statectl status --no-changes')).toMatch(/voron database +in step/);
    expect(await lab.management.vm.run('cat /proc/drbd')).toContain('ds:UpToDate/UpToDate');
  });

  test('is sent to its end when the machine goes down: a copy on the server has it', async () => {
    await lab.machine.run(`echo last >${PLACE}/last; systemctl poweroff --no-block`);
    expect(await lab.machine.ended()).toBe('guest-shutdown');
    expect(lab.machine.transcript).not.toContain('are not on');
    expect(await lab.management.vm.run('cat /proc/drbd')).toMatch(/ro:Secondary\/Unknown ds:UpToDate/);
    await lab.management.drbd('all --snapshots');
    const copy = `${STATE}/drbd/copies/voron.database/0*-*Z`;
    expect(await lab.management.vm.run(`cat ${copy}/last`)).toBe('last');
    expect(await lab.management.vm.run(`touch ${copy}/last 2>&1 || true`)).toContain('Read-only file system');
  });

  test('is plain RAM in a boot without its management host, begins with what the machine kept, and is shipped as a branch', async () => {
    await lab.management.pullPlug();
    const vm = await lab.bootMachine();
    expect(await mounted()).toBe('volume tmpfs');
    expect(await vm.run(`cat ${PLACE}/last`)).toBe('last');
    expect(await vm.run('cat /run/statectl/state/voron/session.json')).toContain('no server said where it is');
    await vm.run(`runuser -u pi -- sh -c 'echo here >${PLACE}/here'`);
    const management = await lab.bootManagement();
    await become('branch');
    expect(await vm.run('/run/statectl/bin/statectl status --no-changes')).toMatch(/voron database +kept as a BRANCH/);
    expect(await lab.management.statectl('printer branches voron')).toMatch(/print13/);
    // The line is as it was, and its copies are mounted again.
    expect(await management.run(`cat ${STATE}/drbd/copies/voron.database/0*-*Z/last`)).toBe('last');
  });
});
