import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shellQuote } from '../../src/host/shell-line.ts';
import { ADDRESSES, PLACE, VolumeLab } from '../boot/volume-lab.ts';
import { HANG_MS } from '../fixtures/hang.ts';

/** Writes 10 MB a second at most, each piece made sure of, and prints the longest fsync in ms. */
const WRITES = `use Time::HiRes qw(time sleep); use IO::Handle;
my ($seconds) = @ARGV; my $data = "x" x 65536; my ($begin, $longest, $n) = (time, 0, 0);
while (time - $begin < $seconds) {
  open(my $file, "+<", "${PLACE}/w") or open($file, "+>", "${PLACE}/w") or die; seek($file, ($n % 64) * 65536, 0);
  my $at = time; print $file $data; $file->flush; $file->sync or die; my $took = time - $at; close $file;
  $longest = $took if $took > $longest; $n++;
  my $due = $begin + $n * 65536 / 1e7; sleep($due - time) if $due > time;
}
printf "%d\\n", $longest * 1000;`;

const LONGEST_FSYNC_MS = 1_000;

describe('a print host that writes 10 MB a second into its volume', () => {
  let lab: VolumeLab;

  beforeAll(async () => {
    lab = await VolumeLab.make();
    await lab.bootManagement();
    await lab.bootMachine();
  });
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  const writes = async (seconds: number): Promise<number> =>
    Number(await lab.machine.run(`runuser -u pi -- perl -e ${shellQuote(WRITES)} ${seconds}`));
  const become = (state: string, timeout = HANG_MS) =>
    expect.poll(async () => (await lab.standing())?.state, { timeout, interval: 1_000 }).toBe(state);

  test('waits for no fsync while the management host stands still, and sends the rest when it goes on', async () => {
    await lab.management.qmp('stop');
    expect(await writes(20)).toBeLessThan(LONGEST_FSYNC_MS);
    await become('ahead');
    await lab.management.qmp('cont');
    await become('in-step');
  });

  test('waits for none behind 64 kbit/s, and is ahead until the line takes it', async () => {
    await lab.machine.run('tc qdisc add dev eth1 root tbf rate 64kbit burst 4k latency 400ms');
    expect(await writes(20)).toBeLessThan(LONGEST_FSYNC_MS);
    await become('ahead');
    await lab.machine.run('tc qdisc del dev eth1 root');
    await become('in-step');
  });

  test('waits for none while the management host is dead for minutes, and the other side has all of it then', async () => {
    await lab.killManagement();
    for (let minute = 1; minute <= 3; minute += 1) expect(await writes(20)).toBeLessThan(LONGEST_FSYNC_MS);
    await become('ahead');
    await lab.bootManagement();
    await become('in-step', 2 * HANG_MS);
  });

  test('takes up again what both sides gave up', async () => {
    await lab.management.run('drbdadm disconnect all');
    await lab.machine.run(`/lib/drbd/drbdsetup-84 disconnect 0.0.0.0:7900 ${ADDRESSES.server}:7900`);
    await lab.management.run('drbdadm connect all');
    await become('in-step');
  });

  test('does not begin with a volume that is mounted on its server', async () => {
    await lab.killMachine();
    await lab.management.run('until grep -q WFConnection /proc/drbd; do sleep 0.5; done');
    await lab.management.run('drbdadm primary all && mount /dev/drbd100 /mnt');
    await lab.bootMachine();
    expect(await lab.machine.run('cat /run/statectl/state/voron/session.json')).toContain('uses the volume itself');
    expect(await lab.machine.run(`awk '$2 == "${PLACE}" { print $1 }' /proc/mounts`)).toBe('volume');
    await become('branch');
    await lab.management.run('umount /mnt && drbdadm secondary all');
  });
});
