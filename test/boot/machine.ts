import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { DEMO } from '../../build/demo.ts';
import type { JournalEntry } from '../../src/boot/journal.ts';
import { runInGuest } from '../fixtures/vm/guest-agent.ts';
import { type Boot, type Hardware, qemuArguments } from '../fixtures/vm/qemu-arguments.ts';
import { startQemu } from '../fixtures/vm/qemu-process.ts';
import { listenForQmp, type QmpEvent } from '../fixtures/vm/qmp.ts';
import { lines, listenForQemu } from '../fixtures/vm/socket-port.ts';
import { Watch } from '../fixtures/vm/watch.ts';

export type BootEvent = JournalEntry & { readonly atMs: number };
type EventOf<Name extends BootEvent['event']> = Extract<BootEvent, { readonly event: Name }>;

export interface MachineOptions extends Hardware {
  /** `http://10.0.2.2:PORT`: where the machine finds its server, whose address comes by DHCP. */
  readonly server?: { readonly guestUrl: string };
  /** Boots by iPXE from this server; it says the kernel, the initramfs and the command line. */
  readonly netboot?: { readonly guestUrl: string };
  readonly kernel?: string;
  readonly initramfs?: string;
  /** Besides the console, the events port and `panic=-1`. */
  readonly cmdline?: string;
  /** The `console=` words. The harness listens on ttyS0. */
  readonly consoles?: string;
  /** `panic=` of the kernel command line, which also forbids the rescue prompt; '' for none. */
  readonly panic?: string;
  /** With `success`, any failure of the boot ends every wait at once. */
  readonly expects?: 'success' | 'trouble';
  /** Runs qemu in this network namespace. */
  readonly namespace?: string;
}

export interface Machine extends AsyncDisposable {
  /** The next event of this name from the controller that was not waited for yet. */
  event<Name extends BootEvent['event']>(name: Name, where?: Partial<EventOf<Name>>): Promise<EventOf<Name>>;
  /** The next match on the console, after the one before. */
  console(pattern: RegExp): Promise<RegExpExecArray>;
  /** Types on the console. */
  type(text: string): void;
  /** Presses Enter at the prompt of a failed boot, and waits for its shell. */
  rescueShell(): Promise<void>;
  /** Runs a line in the shell that is open on the console. Gives what it printed; throws when it fails. */
  shell(line: string): Promise<string>;
  /** Runs a line of shell by the guest agent. Gives its stdout; throws with stderr when it fails. */
  run(line: string): Promise<string>;
  /** How the machine ended: `guest-reset` (with `-no-reboot`), `guest-shutdown` (power off). */
  ended(): Promise<string>;
  qmp(command: string, parameters?: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** All that came over the events port. */
  readonly events: readonly BootEvent[];
  /** All that was on the console. */
  readonly transcript: string;
  /** The last lines of the console, for a failing test. */
  tail(): string;
}

/** Machines that run now, for the report of a failing test. */
export const running = new Set<Machine>();

const WAIT_MS = 240_000;
const TAIL_LINES = 40;
const TROUBLE = /Kernel panic - not syncing.*|the controller ended with status \d+.*|cannot hand over to the system/;
/** What the kernel says meanwhile on the same console. */
const KERNEL_LINE = /\[ *\d+\.\d{6}\] [^\n]*\n/g;
const LOGS = join(tmpdir(), 'statectl-boot-logs');

/** The words that every machine of these tests has on its kernel command line. */
export const baseCmdline = (panic = '-1', consoles = 'console=ttyS0,115200'): string =>
  `${consoles} statectl.events=/dev/ttyS1${panic === '' ? '' : ` panic=${panic}`}`;

/** Starts a machine under qemu. It is there, and nothing more, when this resolves: wait for an event or a text. */
export async function bootMachine(options: MachineOptions = {}): Promise<Machine> {
  const dir = await mkdtemp(join(tmpdir(), 'statectl-vm-'));
  await mkdir(LOGS, { recursive: true });
  const log = join(LOGS, `${logName()}.log`);
  const events: BootEvent[] = [];
  const seen = { text: '', consoleAt: 0, eventAt: 0, commands: 0 };
  let end: string | undefined;
  const tail = () => seen.text.split('\n').slice(-TAIL_LINES).join('\n').replaceAll('\r', '');
  const watch = new Watch((message) => new Error(`${message}\n--- console, all of it in ${log}\n${tail()}\n---`));
  const trouble = (what: string) => options.expects === 'trouble' || watch.fail(`the boot failed: ${what}`);

  const decoder = new TextDecoder();
  const console = await listenForQemu(join(dir, 'console'), (chunk) => {
    seen.text += decoder.decode(chunk, { stream: true });
    watch.changed();
    const found = TROUBLE.exec(seen.text);
    if (found) trouble(found[0]);
  });
  const port = await listenForQemu(
    join(dir, 'events'),
    lines((line) => {
      if (!line.startsWith('{')) return;
      const event = JSON.parse(line) as BootEvent;
      events.push(event);
      watch.changed();
      if (event.event === 'failed' || event.event === 'rescue') trouble(line);
    }),
  );
  const told = ({ event, data }: QmpEvent) => {
    if (event === 'SHUTDOWN') end ??= String(data?.reason);
  };
  const qmp = await listenForQmp(join(dir, 'qmp'), told);
  const agent = await listenForQmp(join(dir, 'agent'), () => {});
  const ports = { console: console.path, events: port.path, qmp: qmp.path, agent: agent.path };
  const qemu = startQemu(qemuArguments(options, bootOf(options), ports, log), options.namespace);
  const ended = Promise.all([qemu.exit, console.closed, port.closed, qmp.closed]).then(([why]) => {
    end ??= why;
    watch.fail(`qemu ended (${end})`);
  });
  const closePorts = () => {
    for (const each of [console, port, qmp, agent]) each.close();
  };
  // A qemu that refuses its arguments connects to nothing.
  void qemu.exit.then((why) => why.startsWith('exit status 0') || closePorts());
  await qmp.execute('qmp_capabilities').catch(async () => {
    throw new Error(`qemu does not start: ${await qemu.exit}`);
  });

  const machine: Machine = {
    events,
    tail,
    get transcript() {
      return seen.text;
    },
    event: (name, where = {}) =>
      watch.until(
        () => {
          const fits = (event: BootEvent) =>
            event.event === name && Object.entries(where).every(([key, value]) => Reflect.get(event, key) === value);
          const at = events.findIndex((event, index) => index >= seen.eventAt && fits(event));
          if (at < 0) return undefined;
          seen.eventAt = at + 1;
          return events[at] as EventOf<typeof name>;
        },
        `the event ${name} ${JSON.stringify(where)}`,
        WAIT_MS,
      ),
    console: (pattern) =>
      watch.until(
        () => {
          const found = pattern.exec(seen.text.slice(seen.consoleAt));
          if (!found) return undefined;
          seen.consoleAt += found.index + found[0].length;
          return found;
        },
        `${pattern} on the console`,
        WAIT_MS,
      ),
    type: (text) => console.send(text),
    async rescueShell() {
      await machine.console(/press Enter for the rescue shell/);
      machine.type('\n');
      await machine.console(/rescue:\S*# /);
    },
    async shell(line) {
      seen.commands += 1;
      const id = seen.commands;
      // Split, so that the echo of what is typed is not taken for what is printed.
      machine.type(`echo be""gin-${id}; ${line}; echo e""nd-${id}=$?\n`);
      await machine.console(new RegExp(`begin-${id}\r?\n`));
      const [, output = '', status] = await machine.console(new RegExp(`^([^]*?)end-${id}=(\\d+)`));
      if (status !== '0') throw new Error(`\`${line}\` ended with ${status}:\n${output}`);
      return output.replaceAll('\r', '').replace(KERNEL_LINE, '').trim();
    },
    run: (line) => runInGuest(agent, line),
    ended: () => watch.until(() => (qemu.hasEnded() ? end : undefined), 'the end of the machine', WAIT_MS),
    qmp: (command, parameters) => qmp.execute(command, parameters),
    async [Symbol.asyncDispose]() {
      running.delete(machine);
      await qmp.execute('quit').catch(() => {});
      qemu.killAfter(5000);
      await ended;
      agent.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
  running.add(machine);
  return machine;
}

function bootOf({ netboot, server, kernel, initramfs, cmdline = '', panic, consoles }: MachineOptions): Boot {
  if (netboot) return { kind: 'netboot', url: `${netboot.guestUrl}/boot.ipxe` };
  const words = [
    baseCmdline(panic, consoles),
    ...(server ? [`statectl.server=${server.guestUrl} ip=dhcp`] : []),
    cmdline,
  ];
  return {
    kind: 'direct',
    kernel: kernel ?? `${DEMO.image}/vmlinuz`,
    initramfs: initramfs ?? DEMO.initramfs,
    cmdline: words.join(' ').trim(),
  };
}

let count = 0;
function logName(): string {
  const { testPath = 'test', currentTestName = 'setup' } = expect.getState();
  count += 1;
  const file = testPath.replace(/^.*\//, '').replace(/\.test\.ts$/, '');
  return `${file}-${count}-${currentTestName}`.replace(/[^\w.-]+/g, '-').slice(0, 120);
}
