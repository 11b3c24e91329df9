import { asciiTable } from '../../src/commands/ascii-table.ts';
import type { Stretch } from './breakdown.ts';
import type { BudgetRow } from './budgets.ts';
import type { LoopedFile } from './console-reading.ts';
import type { ContenderName } from './contenders.ts';
import type { LocalResult } from './local-boots.ts';
import type { NamedSize } from './segment-sizes.ts';
import type { Spread } from './statistics.ts';

export interface Standing {
  readonly name: ContenderName;
  /** What it was booted with, besides what all are. */
  readonly cmdline: string;
  readonly initramfsBytes: number;
  readonly wallS?: Spread | undefined;
  readonly cpuS?: Spread | undefined;
  readonly guestS?: Spread | undefined;
  readonly memAvailableKb?: Spread | undefined;
  /** Processors that other work of the machine took. */
  readonly otherWork?: Spread | undefined;
  /** What its root is, in the guest's words. */
  readonly root?: string | undefined;
  readonly rounds: number;
  readonly failures: readonly string[];
}

export interface Report {
  readonly machine: string;
  readonly kernelRelease: string;
  readonly rootBytes: number;
  /** One-minute load averages, when the bench began and when it ended. */
  readonly load: readonly [before: number, after: number];
  readonly standings: readonly Standing[];
  readonly segments: readonly NamedSize[];
  /** Medians of our rounds. */
  readonly stretches: readonly Stretch[];
  /** Of our last round. */
  readonly slowest: readonly Stretch[];
  /** Files of ours that stay in RAM besides the root image. */
  readonly kept: readonly LoopedFile[];
  readonly local: LocalResult;
  readonly budgets: readonly BudgetRow[];
}

const seconds = (value: number): string => value.toFixed(2).padStart(6);
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const spread = (value: Spread | undefined): string =>
  value ? `${value.median.toFixed(1)} (${value.min.toFixed(1)}-${value.max.toFixed(1)})` : '-';
const section = (title: string, rows: readonly (readonly string[])[]): string => `\n${title}\n${asciiTable(rows)}`;

export function writeReport(report: Report): string {
  const { machine, kernelRelease, rootBytes, load, standings, segments, stretches, slowest, kept, local, budgets } =
    report;
  const [before, after] = load.map((value) => value.toFixed(1));
  return [
    `\n${machine}, kernel ${kernelRelease}, image of ${(rootBytes / 1e6).toFixed(1)} MB; load average ${before} before, ${after} after\n`,
    section('From power-on to the init of an image fetched over HTTP: median (min-max)', [
      [
        '',
        'wall s',
        'by dracut',
        'qemu CPU s',
        'by dracut',
        'guest uptime s',
        'other work',
        'initramfs',
        'MemAvailable',
        'root',
      ],
      ...standings.map((standing) =>
        standingRow(
          standing,
          standings.find(({ name }) => name === 'dracut'),
        ),
      ),
    ]),
    ...standings.flatMap(({ name, failures }) => failures.map((why) => `${name} failed: ${why}\n`)),
    section(
      'Our time, s',
      stretches.map((stretch) => [seconds(stretch.seconds), stretch.name]),
    ),
    section(
      'Slowest steps of the last round, s',
      slowest.map((step) => [seconds(step.seconds), step.name]),
    ),
    section(
      'Hashing alone, s',
      Object.entries(local.hashing).map(([file, took]) => [seconds(took), file]),
    ),
    section(
      'Our initramfs',
      segments.map(({ name, sizeBytes }) => [name, mib(sizeBytes)]),
    ),
    section(
      'Kept in RAM after the hand-over, besides the image',
      kept.map(({ name, sizeBytes }) => [name, mib(sizeBytes)]),
    ),
    section('A root on a disk, no network: median (min-max)', [
      ['/init to hand-over', `${spread(local.planS)} s`],
      ['qemu CPU, /init to the system’s init', `${spread(local.planCpuS)} s`],
      [
        'MemAvailable on a machine with 256 MiB',
        local.smallMemAvailableKb === undefined ? '-' : mib(local.smallMemAvailableKb * 1024),
      ],
    ]),
    ...local.failures.map((failure) => `failed: ${failure}\n`),
    section('Budgets', [
      ['', 'measured', 'budget', ''],
      ...budgets.map(({ row, measured, budget, verdict }) => [row, measured, budget, verdict]),
    ]),
  ].join('');
}

function standingRow(standing: Standing, dracut: Standing | undefined): readonly string[] {
  const { name, wallS, cpuS, guestS, otherWork, initramfsBytes, memAvailableKb, root = '-' } = standing;
  const part = (own: Spread | undefined, other: Spread | undefined) =>
    own && other ? (own.median / other.median).toFixed(2) : '-';
  const available = memAvailableKb ? mib(memAvailableKb.median * 1024) : '-';
  return [
    name,
    spread(wallS),
    part(wallS, dracut?.wallS),
    spread(cpuS),
    part(cpuS, dracut?.cpuS),
    spread(guestS),
    spread(otherWork),
    mib(initramfsBytes),
    available,
    root,
  ];
}
