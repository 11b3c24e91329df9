import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseJournal } from '../../src/boot/record/journal-reader.ts';
import { type BootTrace, INIT_STARTED } from './breakdown.ts';
import { type Marker, readMarker } from './console-reading.ts';
import { cpuSeconds, watchOtherWork } from './cpu-time.ts';

export interface MachineOptions {
  readonly kernel: string;
  readonly initramfs: string;
  readonly cmdline: string;
  readonly memoryMiB: number;
  readonly network: boolean;
  readonly disk?: { readonly file: string; readonly access: 'read-only' | 'read-write' };
  /** Without its extension: what came over the serial ports goes there. */
  readonly log: string;
}

/** A machine that reached the marker. */
export interface Boot extends BootTrace {
  readonly marker: Marker;
  /** Of qemu, until the marker. */
  readonly cpuS: number;
  /** Of these, since the kernel ran /init. */
  readonly cpuSinceInitS: number;
  /** Processors of this machine that other work kept busy meanwhile. */
  readonly otherWork: number;
}

/** Longer than the slowest contender takes on a machine that is busy with other things. */
const BOOT_MS = 300_000;
const POWER_OFF_MS = 20_000;
/** More than comes in one piece: a line is found although it came in two. */
const RECENT_CHARACTERS = 100_000;
const EVERY_CMDLINE = 'console=ttyS0,115200 panic=-1 init=/bench-init';

/** Boots a machine to the marker and lets it power off. Throws, with the log's name, when it does not come so far. */
export async function bootMachine(options: MachineOptions): Promise<Boot> {
  const eventsFile = `${options.log}.events`;
  await rm(eventsFile, { force: true });
  const otherWork = watchOtherWork();
  const startedMs = performance.now();
  // It dies with us, however we die.
  const argv = ['--pdeathsig', 'KILL', '--', 'qemu-system-x86_64', ...qemuArguments(options, eventsFile)];
  const child = spawn('setpriv', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const reached = new Promise<Omit<Boot, 'console' | 'events'>>((resolve) => {
    const pid = child.pid ?? 0;
    let cpuAtInitS: number | undefined;
    const read = (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const recent = text.slice(-RECENT_CHARACTERS);
      if (recent.includes(INIT_STARTED)) cpuAtInitS ??= cpuSeconds(pid);
      const marker = readMarker(recent);
      if (!marker) return;
      const wallS = (performance.now() - startedMs) / 1000;
      const cpuS = cpuSeconds(pid);
      // The clock stands: what follows is only kept, since qemu may have ended before we read the last of it.
      child.stdout.off('data', read).on('data', (rest: Buffer) => {
        text += rest.toString('latin1');
      });
      resolve({ marker, wallS, cpuS, cpuSinceInitS: cpuS - (cpuAtInitS ?? 0), otherWork: otherWork({ cpuS, wallS }) });
    };
    child.stdout.on('data', read);
  });
  const timer = new AbortController();
  const late = sleep(BOOT_MS, undefined, { signal: timer.signal }).catch(() => undefined);
  try {
    const boot = await Promise.race([reached, ended, late]);
    if (!boot) throw new Error(`no init was reached (${options.log}.console)${stderr && `: ${stderr.trim()}`}`);
    await Promise.race([ended, sleep(POWER_OFF_MS, undefined, { signal: timer.signal }).catch(() => undefined)]);
    return { ...boot, console: text, events: parseJournal(await readFile(eventsFile, 'latin1')) };
  } finally {
    timer.abort();
    child.kill('SIGKILL');
    await ended;
    await writeFile(`${options.log}.console`, text, 'latin1');
  }
}

function qemuArguments(options: MachineOptions, eventsFile: string): readonly string[] {
  const { kernel, initramfs, cmdline, memoryMiB, network, disk } = options;
  return [
    ...['-machine', 'q35,accel=tcg', '-cpu', 'qemu64', '-smp', '2', '-m', String(memoryMiB)],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-serial', 'stdio', '-serial', `file:${eventsFile}`, '-device', 'virtio-rng-pci'],
    ...(network ? ['-netdev', 'user,id=net0', '-device', 'virtio-net-pci,netdev=net0,romfile='] : []),
    ...(disk ? diskArguments(disk) : []),
    ...['-kernel', kernel, '-initrd', initramfs, '-append', `${EVERY_CMDLINE} ${cmdline}`],
  ];
}

const diskArguments = ({ file, access }: NonNullable<MachineOptions['disk']>): readonly string[] => [
  ...['-drive', `file=${file},format=raw,if=none,id=disk0,cache=unsafe${access === 'read-only' ? ',readonly=on' : ''}`],
  ...['-device', 'virtio-blk-pci,drive=disk0'],
];
