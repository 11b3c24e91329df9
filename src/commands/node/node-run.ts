import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { foldHostlist } from '../../config/nodes/hostlist.ts';
import { Duration } from '../../config/settings/scalars.ts';
import { StatectlError } from '../../error.ts';
import { linuxHost } from '../../host/linux/host.ts';
import { PROGRAM } from '../../machine/paths.ts';
import { printableLine } from '../../printable.ts';
import { reachableNodes } from '../../server/admin/nodes/reachable-nodes.ts';
import { type NodeRun, nodesToRunOn, runOnNodes } from '../../server/admin/nodes/run-on-nodes.ts';
import { serverState } from '../../server/admin/server-state.ts';
import { asciiTable } from '../ascii-table.ts';
import { path } from '../build/build-options.ts';
import { type ConfigOptions, configVerb, jsonOption } from '../config/config-source.ts';
import { print, printJson, printLine } from '../print.ts';
import { stateOption } from '../state-option.ts';
import { untilInterrupted } from '../until-interrupted.ts';
import { groupOption, NODE_WORDS } from './node-choice.ts';

interface RunOptions extends ConfigOptions {
  readonly state: string;
  readonly group?: string;
  readonly user?: string;
  readonly identity?: string;
  readonly width: number;
  readonly timeout: number;
  readonly force?: true;
  readonly wait?: number;
  readonly prefix?: true;
  readonly save?: string;
  readonly sshOption: readonly string[];
}

const count = (text: string): number => {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a number from 1 to 9999');
};
const duration = (text: string): number => {
  const parsed = Duration.safeParse(text);
  if (parsed.success && parsed.data > 0) return parsed.data;
  throw new InvalidArgumentError('expected a time such as 30s or 5m');
};
const collect = (text: string, before: readonly string[]): readonly string[] => [...before, text];

/** `statectl node run`: one command on many machines, over ssh(1). */
export const nodeRunVerb = () =>
  configVerb(
    'run',
    'run a command on many machines over SSH, and see how each took it',
    'statectl node run "print[01-24]" -- systemctl is-active klipper',
    'statectl node run --group klipper --width 4 --prefix -- journalctl -b -n 3',
    'statectl node run print07 --user root --identity admin_key -- reboot',
    'statectl node run all --wait 12h --user root -- reboot',
  )
    .argument('<words...>', `${NODE_WORDS}, then -- and the command`)
    .addOption(stateOption())
    .addOption(groupOption())
    .option('--user <name>', 'whom to log in as (default: what ssh says)')
    .option('--identity <file>', 'a private key; its certificate beside it is shown too', path)
    .option('--width <number>', 'how many at once', count, 16)
    .addOption(
      new Option('--timeout <time>', 'how long one machine may take').argParser(duration).default(60_000, '1m'),
    )
    .option('--force', 'also where a print or another lock of the machine is in the way')
    .option('--wait <time>', 'come back for so long to machines with a print, each minute', duration)
    .option('--prefix', 'print every line as it comes, behind the name of its machine')
    .option('--save <dir>', 'keep what each printed: DIR/NODE.out and DIR/NODE.err', path)
    .addOption(
      new Option('--ssh-option <setting>', 'as ssh -o has it, such as ProxyJump=gateway; again for several')
        .argParser(collect)
        .default([], 'none'),
    )
    .addOption(jsonOption())
    .action(async (words: readonly string[], options: RunOptions) => {
      const [selector = '', ...rest] = words;
      const command = options.group === undefined ? rest : words;
      if (command.length === 0)
        throw new StatectlError('usage', 'which command?', { hint: 'statectl node run print[01-24] -- uptime' });
      const nodes = await nodesToRunOn(linuxHost(), { ...options, selector });
      const folder = await mkdtemp(join(tmpdir(), 'statectl-run-'));
      try {
        const runs = await runAndTell(nodes, command, folder, options);
        if (runs.some(({ exitCode }) => exitCode !== 0)) process.exitCode = 1;
      } finally {
        await rm(folder, { recursive: true });
      }
    });

async function runAndTell(
  nodes: readonly string[],
  command: readonly string[],
  folder: string,
  { state, user, identity, width, timeout, force, wait, prefix, save, sshOption, json }: RunOptions,
): Promise<readonly NodeRun[]> {
  const host = linuxHost();
  const signal = untilInterrupted();
  const { addresses, fault, ...known } = await reachableNodes(serverState(state, host));
  if (fault !== undefined)
    host.console.line('warning', `${state} cannot be read (${fault}): machines are found by their names`);
  const knownHosts = known.knownHosts && join(folder, 'known_hosts');
  if (knownHosts) await host.files.write(knownHosts, `${known.knownHosts}\n`);
  let done = 0;
  const runs = await runOnNodes(host, {
    targets: nodes.map((node) => {
      const address = addresses.get(node);
      return { node, ...(address !== undefined && { address }) };
    }),
    command,
    width,
    timeoutMs: timeout,
    ...(user !== undefined && { user }),
    ...(identity !== undefined && { identityFile: identity }),
    ...(knownHosts !== undefined && { knownHosts }),
    ...(!force && { lockedBy: PROGRAM }),
    ...(wait !== undefined && { waitMs: wait }),
    options: sshOption,
    signal,
    ...(prefix && !json && !save && { onLine: (node, line) => printLine(`${node}: ${line}`) }),
    onDone: () => {
      done += 1;
      host.console.status?.(`${done} of ${nodes.length} are done`);
    },
  });
  if (host.console.status) host.console.line('info', `${done} of ${nodes.length} are done`);
  if (save) {
    await host.files.mkdir(save);
    for (const { node, stdout, stderr } of runs) {
      await host.files.write(join(save, `${node}.out`), stdout);
      await host.files.write(join(save, `${node}.err`), stderr);
    }
  }
  if (json) printJson(runs);
  else print(runTable(runs));
  return runs;
}

/** NODE, EXIT, SECONDS, FIRST LINE, and how many failed. */
export function runTable(runs: readonly NodeRun[]): string {
  const rows = runs.map(({ node, exitCode, failure, tookMs, firstLine }) => [
    node,
    failure ?? String(exitCode),
    (tookMs / 1000).toFixed(1),
    printableLine(firstLine).slice(0, 200),
  ]);
  const failed = runs.filter(({ exitCode }) => exitCode !== 0).map(({ node }) => node);
  const end = failed.length > 0 ? `${failed.length} of ${runs.length} failed: ${foldHostlist(failed)}\n` : '';
  const locked = runs.filter(({ failure }) => failure === 'locked').map(({ node }) => node);
  const why =
    locked.length > 0
      ? `nothing was run where a print or another lock is: ${foldHostlist(locked)}\n→ --wait 12h comes back to them, --force runs it all the same\n`
      : '';
  return asciiTable([['NODE', 'EXIT', 'SECONDS', 'FIRST LINE'], ...rows]) + end + why;
}
