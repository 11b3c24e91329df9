import { expect, test } from 'vitest';
import { budgetRows } from '../../../build/bench/budgets.ts';
import { type Report, type Standing, writeReport } from '../../../build/bench/report.ts';

const MIB = 2 ** 20;
const spread = (median: number) => ({ median, min: median - 1, max: median + 1 });

const standing = (name: Standing['name'], seconds: number): Standing => ({
  name,
  cmdline: '',
  initramfsBytes: 47 * MIB,
  wallS: spread(seconds),
  cpuS: spread(seconds),
  guestS: spread(seconds - 2),
  memAvailableKb: spread(1_800_000),
  otherWork: spread(1.2),
  root: 'overlay, writable state',
  rounds: 3,
  failures: [],
});

const REPORT: Report = {
  machine: '2 × AMD EPYC',
  kernelRelease: '6.1.0-56-amd64',
  rootBytes: 72_814_592,
  load: [1.2, 4.6],
  standings: [standing('statectl', 9), standing('dracut', 30)],
  segments: [{ name: 'runtime', sizeBytes: 40.7 * MIB }],
  stretches: [{ name: 'phase update', seconds: 3.4 }],
  slowest: [{ name: 'update: fetch it', seconds: 3.3 }],
  kept: [{ name: 'runtime.squashfs', sizeBytes: 40.7 * MIB }],
  local: {
    planS: spread(2.5),
    planCpuS: spread(2.6),
    smallMemAvailableKb: 100_000,
    hashing: { root: 2.3 },
    failures: [],
  },
  budgets: budgetRows({
    partOfDracut: 0.48,
    initramfsBytes: 51 * MIB,
    toolSets: [{ name: 'fsck', sizeBytes: 0.5 * MIB }],
    moreThanDracutBytes: -12e6,
    boots256MiB: true,
  }),
};

test('the report puts all beside each other, says where our time goes, and holds the budgets against it', () => {
  expect(writeReport(REPORT)).toMatchInlineSnapshot(`
    "
    2 × AMD EPYC, kernel 6.1.0-56-amd64, image of 72.8 MB; load average 1.2 before, 4.6 after

    From power-on to the init of an image fetched over HTTP: median (min-max)
              wall s            by dracut  qemu CPU s        by dracut  guest uptime s    other work     initramfs  MemAvailable  root
    statectl  9.0 (8.0-10.0)    0.30       9.0 (8.0-10.0)    0.30       7.0 (6.0-8.0)     1.2 (0.2-2.2)  47.0 MiB   1757.8 MiB    overlay, writable state
    dracut    30.0 (29.0-31.0)  1.00       30.0 (29.0-31.0)  1.00       28.0 (27.0-29.0)  1.2 (0.2-2.2)  47.0 MiB   1757.8 MiB    overlay, writable state

    Our time, s
      3.40  phase update

    Slowest steps of the last round, s
      3.30  update: fetch it

    Hashing alone, s
      2.30  root

    Our initramfs
    runtime  40.7 MiB

    Kept in RAM after the hand-over, besides the image
    runtime.squashfs  40.7 MiB

    A root on a disk, no network: median (min-max)
    /init to hand-over                      2.5 (1.5-3.5) s
    qemu CPU, /init to the system’s init    2.6 (1.6-3.6) s
    MemAvailable on a machine with 256 MiB  97.7 MiB

    Budgets
                                              measured  budget
    netboot, part of dracut’s time            0.48      ≤ 0.50     ok
    netboot, part of live-boot’s time         -         ≤ 1.00     not measured
    netboot, 1 GB by 74 MB                    -         ≤ 1.20     not measured
    initramfs with all drivers                51.0 MiB  ≤ 52 MiB   ok
    its tool set fsck                         0.5 MiB   ≤ 3.5 MiB  ok
    MemAvailable by dracut’s, diskless        -12 MB    ≥ -40 MB   ok
    MemAvailable by dracut’s, with a disk     -         > 0 MB     not measured
    plan without network, /init to hand-over  -         < 4.5 s    not measured
    a local root on 256 MiB of RAM            boots     boots      ok
    "
  `);
});

test('a contender that never came to its end has a row without numbers, and its reason', () => {
  const { wallS, cpuS, guestS, memAvailableKb, otherWork, ...rest } = standing('dracut', 30);
  const text = writeReport({
    ...REPORT,
    standings: [{ ...rest, rounds: 0, failures: ['no init was reached (x.console)'] }],
  });
  expect(text).toMatch(/^dracut +- +-/m);
  expect(text).toContain('dracut failed: no init was reached (x.console)');
});
