import { describe, expect, it } from 'vitest';
import type { VolumeStatus } from '../../../../../src/host/kernel/drbd-status.ts';
import type { DrbdCommand, Volume } from '../../../../../src/machine/state/drbd/command-words.ts';
import { drbdCommands, inTheWay } from '../../../../../src/machine/state/drbd/volume.ts';

const VOLUME: Volume = {
  ...{ resource: 'voron.database', peer: '192.0.2.1:7900', port: 7901, minor: 100, bytes: 64 << 20 },
  ...{ secret: 'ab'.repeat(30), loop: '/dev/loop3' },
};
const argvOf = (command: DrbdCommand): readonly string[] => ('argv' in command ? command.argv : command.hidden);
/** From the program on, as it is called. */
const words = (argv: readonly string[]): string =>
  argv
    .slice(argv.findIndex((word) => /\/bin\/drbd/.test(word)))
    .join(' ')
    .replace('/run/initramfs/rt/bin/', '');
const said = (commands: readonly DrbdCommand[]) => commands.map((command) => words(argvOf(command)));

describe("the machine's side of a volume", () => {
  it('is made blank before it is attached, and leaves a slow server behind before the buffer is full (DRBD 8.4)', () => {
    const { bringUp, connect, primary, secondary } = drbdCommands(8, VOLUME);
    const connecting =
      'drbdsetup-84 connect voron.database 0.0.0.0:7901 192.0.2.1:7900 --protocol=A --on-congestion=pull-ahead --sndbuf-size=4M --congestion-fill=1M --ko-count=0 --timeout=30 --ping-int=3 --connect-int=3 --ping-timeout=10 --cram-hmac-alg=sha256';
    expect(said(bringUp)).toEqual([
      'drbdmeta --force 100 v08 /dev/loop3 internal create-md',
      'drbdsetup-84 new-resource voron.database',
      'drbdsetup-84 new-minor voron.database 100 0',
      'drbdsetup-84 attach 100 /dev/loop3 /dev/loop3 internal --on-io-error=detach --disk-barrier=no --disk-flushes=no --md-flushes=no --rs-discard-granularity=65536 --resync-rate=40M --c-plan-ahead=0',
      connecting,
    ]);
    // It forgets its peer with the connection.
    expect(said([connect])).toEqual([connecting]);
    expect(said(primary)).toEqual([
      'drbdsetup-84 disconnect 0.0.0.0:7901 192.0.2.1:7900',
      'drbdsetup-84 primary 100',
      connecting,
    ]);
    expect(words(secondary)).toBe('drbdsetup-84 secondary 100');
  });

  it('is the same with DRBD 9, where opening it makes nobody primary, and no quorum stops it', () => {
    const { bringUp, connect, primary, secondary } = drbdCommands(9, VOLUME);
    expect(said(bringUp)).toEqual([
      'drbdmeta --force 100 v09 /dev/loop3 internal create-md 1',
      'drbdsetup new-resource voron.database 1 --auto-promote=no --quorum=off --on-no-data-accessible=io-error',
      'drbdsetup new-minor voron.database 100 0',
      'drbdsetup new-peer voron.database 0 --_name=server --protocol=A --on-congestion=pull-ahead --sndbuf-size=4M --congestion-fill=1M --ko-count=0 --timeout=30 --ping-int=3 --connect-int=3 --ping-timeout=50 --cram-hmac-alg=sha256',
      'drbdsetup new-path voron.database 0 ipv4:0.0.0.0:7901 ipv4:192.0.2.1:7900',
      'drbdsetup peer-device-options voron.database 0 0 --resync-rate=40M --c-plan-ahead=0',
      'drbdsetup attach 100 /dev/loop3 /dev/loop3 internal --on-io-error=detach --disk-barrier=no --disk-flushes=no --md-flushes=no --rs-discard-granularity=65536',
      'drbdsetup connect voron.database 0',
    ]);
    expect(said([connect])).toEqual(['drbdsetup connect voron.database 0']);
    expect(said(primary)).toEqual([
      'drbdsetup disconnect voron.database 0',
      'drbdsetup primary voron.database',
      'drbdsetup new-current-uuid 100',
      'drbdsetup connect voron.database 0',
    ]);
    expect(words(secondary)).toBe('drbdsetup secondary voron.database');
  });

  it.each([8, 9] as const)('reaches a server by IPv6, with the digest that it wants (DRBD %i)', (version) => {
    const all = said(drbdCommands(version, { ...VOLUME, peer: '[fd00::1]:7900', alg: 'sha1' }).bringUp).join('\n');
    expect(all).toMatch(/ voron\.database (?:0 )?ipv6:\[::\]:7901 ipv6:\[fd00::1\]:7900/);
    expect(all).toContain('--cram-hmac-alg=sha1');
  });

  it.each([8, 9] as const)(
    'has its secret in no list of arguments that is ours, and one command that waits for it (DRBD %i)',
    (version) => {
      const { bringUp } = drbdCommands(version, VOLUME);
      for (const command of bringUp) expect(argvOf(command).join(' ')).not.toContain(VOLUME.secret);
      expect(bringUp.filter((command) => 'hidden' in command)).toHaveLength(1);
    },
  );
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
  ['whose server is away', AWAY, 20, '192.0.2.1:7900 does not answer: it is away, or has another machine'],
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
    'whose server has half of it, which DRBD 9 begins to bring',
    { connection: 'PausedSyncT', peerDisk: 'Inconsistent' },
    0,
    'the disk of 192.0.2.1:7900 is Inconsistent',
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

it('is patient with a server that answered, though both called each other at once and broke off', () => {
  const status = { ...SYNCING, ...AWAY };
  expect(inTheWay(status, VOLUME, { passedMs: 25_000, waitMs: 30_000, hasAnswered: true })).toBe('wait');
  expect(inTheWay(status, VOLUME, { passedMs: 30_000, waitMs: 30_000, hasAnswered: true })).toBe(
    '192.0.2.1:7900 does not answer: it is away, or has another machine',
  );
});
