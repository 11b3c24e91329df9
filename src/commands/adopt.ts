import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { linuxHost } from '../host/linux/host.ts';
import { openProgram } from '../host/linux/open-program.ts';
import { withProgress } from '../image/progress.ts';
import { type Adoption, planAdoption } from '../server/admin/adopt/adopt-host.ts';
import { checkNames } from '../server/admin/adopt/check-names.ts';
import { connectFar } from '../server/admin/adopt/far-host.ts';
import type { NamedFolder } from '../server/admin/adopt/instances.ts';
import { serverState } from '../server/admin/server-state.ts';
import { adoptedText, planText } from './adopt-text.ts';
import { author } from './config/config-change.ts';
import { configVerb, jsonOption, needsFolder } from './config/config-source.ts';
import { print, printJson } from './print.ts';
import { stateOption } from './state-option.ts';
import { untilInterrupted } from './until-interrupted.ts';

interface AdoptOptions {
  readonly config: string;
  readonly state: string;
  readonly node?: string;
  readonly printer: readonly NamedFolder[];
  readonly port?: number;
  readonly identity?: string;
  readonly sshOption: readonly string[];
  readonly dryRun?: true;
  readonly json?: true;
}

const namedFolder = (text: string, before: readonly NamedFolder[] = []): readonly NamedFolder[] => {
  const [, name, folder] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || folder === undefined)
    throw new InvalidArgumentError('expected NAME=DIR, such as voron=~/printer_1_data.');
  return [...before, { name, folder }];
};

const portNumber = (text: string): number => {
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65_535)
    throw new InvalidArgumentError('expected a port from 1 to 65535.');
  return Number(text);
};

/** `statectl adopt`: a host with Klipper that runs today becomes a node with printers. */
export const adoptCommand = (): Command =>
  configVerb(
    'adopt',
    'make a host with Klipper that runs today a node with printers: reads it over SSH, and changes nothing there',
    'statectl adopt pi@voron --dry-run                          what would be taken, what stays there, and why',
    'statectl adopt pi@voron',
    'statectl adopt pi@farm3 --node print07 --printer voron=~/printer_1_data --printer ender=~/printer_2_data',
    'statectl adopt pi@voron -p 2222 --ssh-option ProxyJump=gateway',
  )
    .argument('<host>', 'user@host, as ssh has it: the account of Klipper')
    .addOption(stateOption())
    .option('--node <name>', 'the node that it becomes (default: its host name)')
    .addOption(
      new Option('--printer <name=dir>', 'this printer alone, and what it is called; again for several')
        .argParser(namedFolder)
        .default([], 'all'),
    )
    .option('--dry-run', 'say what would be, and change nothing')
    .option('-p, --port <number>', 'of its sshd', portNumber)
    .option('-i, --identity <file>', 'a private key (default: what ssh says)')
    .addOption(
      new Option('--ssh-option <setting>', 'as ssh -o has it, such as ProxyJump=gateway; again for several')
        .argParser((text: string, before: readonly string[] = []) => [...before, text])
        .default([], 'none'),
    )
    .addOption(jsonOption())
    .action(async (destination: string, options: AdoptOptions) => {
      const { config, state, node, printer, port, identity, sshOption, dryRun, json } = options;
      checkNames(node, printer);
      await needsFolder(config);
      const host = linuxHost();
      const folder = await mkdtemp(join(tmpdir(), 'statectl-'));
      let stopped: AbortSignal | undefined;
      try {
        await using far = await connectFar(
          { files: host.files, clock: host.clock, open: openProgram },
          {
            ...{ destination, options: sshOption, isBatch: !process.stdin.isTTY },
            ...(port !== undefined && { port }),
            ...(identity !== undefined && { identityFile: identity }),
          },
          folder,
        );
        const signal = untilInterrupted();
        signal.addEventListener('abort', () => void far[Symbol.asyncDispose]());
        stopped = signal;
        const adoption = await planAdoption(serverState(state, host), host, far, {
          ...{ config, printers: printer },
          ...(node !== undefined && { node }),
        });
        if (!json) print(planText(adoption.plan));
        if (dryRun) {
          if (json) printJson(adoption.plan);
          return;
        }
        const adopted = await take(host, adoption);
        if (json) printJson({ ...adoption.plan, ...adopted });
        else print(adoptedText(adoption.plan, adopted));
      } catch (error) {
        // What breaks off then is what was asked for.
        stopped?.throwIfAborted();
        throw error;
      } finally {
        await rm(folder, { recursive: true });
      }
    });

function take(host: ReturnType<typeof linuxHost>, adoption: Adoption) {
  return withProgress(host, `from ${adoption.plan.host.destination}`, 'bytes', (report) => {
    let done = 0;
    return adoption.take(author(), {
      bytes(more) {
        done += more;
        report({ done });
      },
      alarm: (text) => host.console.line('warning', text),
    });
  });
}
