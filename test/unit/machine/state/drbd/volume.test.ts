import { describe, expect, it } from 'vitest';
import type { VolumeStatus } from '../../../../../src/host/kernel/drbd-status.ts';
import { attachCommands, connectCommand, inTheWay, type Volume } from '../../../../../src/machine/state/drbd/volume.ts';

const VOLUME: Volume = {
  ...{ resource: 'voron.database', peer: '192.0.2.1:7900', port: 7901, minor: 100, bytes: 64 << 20 },
  ...{ secret: 'ab'.repeat(30), loop: '/dev/loop3' },
};
/** From the program on, as it is called. */
const words = (argv: readonly string[]): string =>
  argv
    .slice(argv.findIndex((word) => /\/bin\/drbd/.test(word)))
    .join(' ')
    .replace('/run/initramfs/rt/bin/', '');

describe("the machine's side of a volume", () => {
  it('is made blank before it is attached, and never made the newest by force', () => {
    const said = attachCommands(VOLUME).map(words);
    expect(said).toEqual([
      'drbdmeta --force 100 v08 /dev/loop3 internal create-md',
      'drbdsetup-84 new-resource voron.database',
      'drbdsetup-84 new-minor voron.database 100 0',
      'drbdsetup-84 attach 100 /dev/loop3 /dev/loop3 internal --on-io-error=detach --disk-barrier=no --disk-flushes=no --md-flushes=no --resync-rate=40M --c-plan-ahead=0 --rs-discard-granularity=65536',
    ]);
  });

  it('leaves a slow server behind before the buffer is full, and throws none out', () => {
    expect(words(connectCommand(VOLUME))).toBe(
      'drbdsetup-84 connect voron.database 0.0.0.0:7901 192.0.2.1:7900 --protocol=A --on-congestion=pull-ahead --sndbuf-size=4M --congestion-fill=1M --ko-count=0 --timeout=30 --ping-int=3 --ping-timeout=10 --connect-int=3 --cram-hmac-alg=sha256',
    );
    expect(words(connectCommand({ ...VOLUME, peer: '[fd00::1]:7900', alg: 'sha1' }))).toContain(
      'connect voron.database ipv6:[::]:7901 ipv6:[fd00::1]:7900 ',
    );
  });

  it('has its secret in no list of arguments that is ours', () => {
    for (const argv of [...attachCommands(VOLUME), connectCommand(VOLUME)])
      expect(argv.join(' ')).not.toContain(VOLUME.secret);
  });
});

const SYNCING: VolumeStatus = {
  ...{ connection: 'SyncTarget', role: 'Secondary', peerRole: 'Secondary', disk: 'Inconsistent', peerDisk: 'UpToDate' },
  ...{ outOfSyncBytes: 1 << 20, syncedPercent: 40 },
};
const AWAY = { connection: 'WFConnection', peerRole: 'Unknown', peerDisk: 'DUnknown' };

it.each<[string, Partial<VolumeStatus>, number, string | undefined]>([
  ['that has all of it', { connection: 'Connected', disk: 'UpToDate' }, 0, undefined],
  ['that gets it', {}, 29, 'wait'],
  ['that gets it too slowly', {}, 30, '192.0.2.1:7900 sent 40 % within 30 s'],
  ['whose server is not there yet', AWAY, 19, 'wait'],
  ['whose server is away', AWAY, 20, '192.0.2.1:7900 does not answer'],
  [
    'whose server has it mounted',
    { peerRole: 'Primary', connection: 'Connected', disk: 'UpToDate' },
    0,
    '192.0.2.1:7900 uses the volume itself (it is mounted there)',
  ],
  [
    'whose server has no disk',
    { connection: 'Connected', peerDisk: 'Diskless' },
    0,
    'the disk of 192.0.2.1:7900 is Diskless',
  ],
  [
    'that a server refuses',
    { ...AWAY, connection: 'StandAlone' },
    0,
    '192.0.2.1:7900 and this machine do not go together: another secret, or data of another volume',
  ],
])('a boot waits for a volume %s as long as that is of use', (_title, change, seconds, why) => {
  expect(inTheWay({ ...SYNCING, ...change }, VOLUME, { passedMs: seconds * 1000, waitMs: 30_000 })).toBe(why);
});
