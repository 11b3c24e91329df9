import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HANG_MS } from '../../fixtures/hang.ts';
import { DEMO_SYSTEM, DRBD9, drbd9System, type GuestSystem } from '../../fixtures/vm/images/drbd9-image.ts';
import { DEVICE, PLACE, VolumeLab } from '../../fixtures/volume/volume-lab.ts';
import { fsyncTimes } from '../../fixtures/volume/volume-writes.ts';

/** One with the demo's 8.4, and one with the 9 that STATECTL_TEST_DRBD9 names. */
describe.skipIf(DRBD9 === undefined)('a volume of two sides, of which either has DRBD 8.4 or 9', () => {
  let lab: VolumeLab;
  let nine: GuestSystem;

  beforeAll(async () => {
    nine = await drbd9System(DRBD9 ?? '');
    lab = await VolumeLab.make({ logName: 'drbd-9' });
  });
  afterAll(() => lab?.[Symbol.asyncDispose]());

  const become = (state: string, timeout = HANG_MS) =>
    expect.poll(() => lab.standing(), { timeout, interval: 1_000 }).toEqual(expect.objectContaining({ state }));

  /** Boots the machine, which has what it wrote last, and writes more. */
  async function goesOn(system: GuestSystem, had: string, writes: string): Promise<void> {
    const vm = await lab.bootMachine(system);
    expect(await vm.run('cat /proc/drbd')).toContain(`version: ${system === nine ? '9.' : '8.4.'}`);
    expect(await vm.run(`awk '$2 == "${PLACE}" { print $1, $3 }' /proc/mounts`)).toBe(`${DEVICE} ext4`);
    expect(await vm.run(`cat ${PLACE}/last 2>/dev/null || true`)).toBe(had);
    await vm.run(`echo ${writes} >${PLACE}/last; sync ${PLACE}/last`);
    await become('in-step');
  }

  test('is made and filled where both have 9, and opening it makes nobody primary', async () => {
    const management = await lab.bootManagement(nine);
    await goesOn(nine, '', 'by 9 with 9');
    const status = await management.run('drbdadm status');
    expect(status).toMatch(/role:Secondary[^]*disk:UpToDate[^]*print13 role:Primary[^]*peer-disk:UpToDate/);
    expect(await management.run(`mount -o ro ${DEVICE} /mnt 2>&1 || true`)).toMatch(/mount/);
    for (const side of [management, lab.machine])
      expect(await side.run('drbdsetup show all --show-defaults')).toMatch(/auto-promote\s+no;[^]*quorum\s+off;/);
  });

  test('keeps its secret from other accounts', async () => {
    expect(await lab.machine.run('stat -c %a /run/statectl/state/voron/session.json')).toBe('600');
    expect(await lab.machine.run('runuser -u pi -- drbdsetup show all 2>&1 || true')).not.toMatch(/[0-9a-f]{60}/);
  });

  test('waits for no fsync behind 64 kbit/s, and stays connected, ahead', async ({ annotate }) => {
    await lab.machine.run('tc qdisc add dev eth0 root tbf rate 64kbit burst 4k latency 400ms');
    const times = await fsyncTimes(lab.machine, { seconds: 20 });
    await annotate(`${times.length} writes, longest fsync ${times.at(-1)} ms`);
    await become('ahead');
    expect(await lab.machine.run('drbdsetup status')).toContain('replication:Ahead');
    await lab.machine.run('tc qdisc del dev eth0 root');
    expect(times.at(-1)).toBeLessThan(1_000);
    await become('in-step');
  });

  test('is taken down under a machine that writes, and is not outdated by that', async () => {
    const { management, machine } = lab;
    await management.drbd('all --down');
    await machine.run(`echo alone >${PLACE}/alone; sync ${PLACE}/alone`);
    await become('ahead');
    await management.drbd('all --up');
    await become('in-step');
    // Only who is told that it lacks something may call itself so, when it is connected again.
    expect(await management.vm.run('dmesg')).not.toMatch(/-> Outdated \) \[(?:disconnect|down)\]/);
  });

  test('takes up again what both sides gave up', async () => {
    await lab.management.vm.run('drbdadm disconnect all');
    await lab.machine.run('drbdsetup disconnect voron.database 0');
    expect(await lab.machine.run('drbdsetup status')).toContain('connection:StandAlone');
    await lab.management.vm.run('drbdadm connect all');
    await expect.poll(() => lab.machine.run('drbdsetup status'), { interval: 1_000 }).toContain('peer-disk:UpToDate');
    await become('in-step');
  });

  test('goes over to 8.4 with the kernel of the server, and a machine of 9 that lost its power goes on', async () => {
    await lab.pullPlug('machine');
    const management = await lab.bootManagement(DEMO_SYSTEM);
    await goesOn(nine, 'by 9 with 9', 'by 9 with 8.4');
    expect(await management.run('cat /proc/drbd')).toContain('ro:Secondary/Primary ds:UpToDate/UpToDate A');
  });

  test('is sent to its end when that machine goes down', async () => {
    await lab.machine.run(`echo down by 9 >${PLACE}/last; systemctl poweroff --no-block`);
    expect(await lab.machine.ended()).toBe('guest-shutdown');
    expect(lab.machine.transcript).not.toContain('are not on');
    expect(await lab.management.vm.run('cat /proc/drbd')).toMatch(/ro:Secondary\/Unknown ds:UpToDate/);
  });

  test('goes over to 9 again, with a machine of 8.4', async () => {
    const management = await lab.bootManagement(nine);
    await goesOn(DEMO_SYSTEM, 'down by 9', 'by 8.4 with 9');
    expect(await management.run('drbdadm status')).toMatch(/disk:UpToDate[^]*print13 role:Primary/);
  });
});
