import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { HANG_MS } from '../../fixtures/hang.ts';
import { SERVER_ADDRESS } from '../../fixtures/volume/management-guest.ts';
import { DEVICE, PLACE, VolumeLab } from '../../fixtures/volume/volume-lab.ts';
import { fsyncTimes } from '../../fixtures/volume/volume-writes.ts';

const LONGEST_FSYNC_MS = 1_000;

describe('a print host that writes 10 MB a second into its volume', () => {
  let lab: VolumeLab;

  beforeAll(async () => {
    lab = await VolumeLab.make({ logName: 'drbd-load' });
    await lab.bootManagement();
    await lab.bootMachine();
  });
  afterAll(() => lab?.[Symbol.asyncDispose]());

  const longest = async ({ annotate }: Pick<TestContext, 'annotate'>, seconds: number): Promise<number> => {
    const times = await fsyncTimes(lab.machine, { seconds });
    const last = times.at(-1) ?? 0;
    await annotate(`${times.length} writes, longest fsync ${last} ms`);
    return last;
  };
  const become = (state: string, timeout = HANG_MS) =>
    expect.poll(() => lab.standing(), { timeout, interval: 1_000 }).toEqual(expect.objectContaining({ state }));

  test('waits for no fsync while the management host stands still, and sends the rest when it goes on', async (context) => {
    await lab.management.vm.qmp('stop');
    const ms = await longest(context, 20);
    await become('ahead');
    await lab.management.vm.qmp('cont');
    expect(ms).toBeLessThan(LONGEST_FSYNC_MS);
    await become('in-step');
  });

  test('waits for none behind 64 kbit/s, and is ahead until the line takes it', async (context) => {
    await lab.machine.run('tc qdisc add dev eth0 root tbf rate 64kbit burst 4k latency 400ms');
    const ms = await longest(context, 20);
    await become('ahead');
    await lab.machine.run('tc qdisc del dev eth0 root');
    expect(ms).toBeLessThan(LONGEST_FSYNC_MS);
    await become('in-step');
  });

  test('waits for none while the management host is dead for minutes, and the other side has all of it then', async (context) => {
    const writing = longest(context, 10);
    await lab.management.pullPlug();
    expect(await writing).toBeLessThan(LONGEST_FSYNC_MS);
    for (let minute = 1; minute <= 3; minute += 1) {
      expect(await longest(context, 20)).toBeLessThan(LONGEST_FSYNC_MS);
      await lab.machine.run('sleep 30');
    }
    await become('ahead');
    await lab.bootManagement();
    await become('in-step', 2 * HANG_MS);
  });

  test('takes up again what both sides gave up', async () => {
    await lab.management.vm.run('drbdadm disconnect all');
    await lab.machine.run(`/lib/drbd/drbdsetup-84 disconnect 0.0.0.0:7900 ${SERVER_ADDRESS}:7900`);
    expect(await lab.machine.run('cat /proc/drbd')).toContain('cs:StandAlone');
    await lab.management.vm.run('drbdadm connect all');
    await expect.poll(() => lab.machine.run('cat /proc/drbd'), { interval: 1_000 }).toContain('cs:Connected');
    await become('in-step');
  });

  test('does not begin with a volume that is mounted on its server', async () => {
    await lab.pullPlug('machine');
    const management = lab.management.vm;
    await management.run('until grep -q WFConnection /proc/drbd; do sleep 0.5; done');
    await management.run(`drbdadm primary all && mount ${DEVICE} /mnt`);
    await lab.bootMachine();
    expect(await lab.machine.run('cat /run/statectl/state/voron/session.json')).toContain('uses the volume itself');
    expect(await lab.machine.run(`awk '$2 == "${PLACE}" { print $1 }' /proc/mounts`)).toBe('volume');
    await lab.machine.run(`runuser -u pi -- touch ${PLACE}/here`);
    await become('branch');
    await management.run('umount /mnt && drbdadm secondary all');
  });
});
