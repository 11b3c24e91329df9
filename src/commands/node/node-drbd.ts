import { isSea } from 'node:sea';
import { type Command, InvalidArgumentError } from 'commander';
import { configInvalid } from '../../config/check/fault.ts';
import { effectiveOf } from '../../config/effective.ts';
import { familyOf } from '../../config/settings/addresses.ts';
import { isStatectlError, reasonOf, StatectlError } from '../../error.ts';
import { linuxHost } from '../../host/linux/host.ts';
import {
  applyVolume,
  bringUpVolumes,
  copyVolumes,
  installUnits,
  type OfEach,
  takeDownVolumes,
} from '../../server/admin/nodes/apply-volumes.ts';
import {
  keepResource,
  lockVolumes,
  type PlannedVolume,
  planVolumes,
  type VolumeNode,
  type VolumeWish,
} from '../../server/admin/nodes/node-volumes.ts';
import { serverState } from '../../server/admin/server-state.ts';
import { describeStep } from '../../server/state/drbd/apply-step.ts';
import { volumeUnits } from '../../server/state/drbd/units.ts';
import { type ConfigOptions, configVerb, jsonOption, nodeNamed, readSettings } from '../config/config-source.ts';
import { print, printJson, printLine, remark } from '../print.ts';
import { stateOption } from '../state-option.ts';

interface DrbdOptions extends ConfigOptions {
  readonly state: string;
  readonly apply?: true;
  readonly up?: true;
  readonly down?: true;
  readonly snapshots?: true;
  readonly units?: true;
  readonly address?: string;
  readonly machineAddress?: string;
  readonly volumeGroup?: string;
  readonly device?: string;
}

const address = (text: string): string => {
  if (familyOf(text) !== undefined) return text;
  throw new InvalidArgumentError('expected an address such as 192.168.7.1 or fd00::1');
};
const group = (text: string): string => {
  if (/^[A-Za-z0-9+_.][A-Za-z0-9+_.-]{0,126}$/.test(text)) return text;
  throw new InvalidArgumentError('expected the name of a volume group of LVM');
};
const device = (text: string): string => {
  if (/^\/dev\/[A-Za-z0-9+_./-]+$/.test(text) && !text.includes('..')) return text;
  throw new InvalidArgumentError('expected a block device below /dev');
};

/** `statectl node drbd`: the server's side of the volumes of a print host. */
export const nodeDrbdVerb = (): Command =>
  configVerb(
    'drbd',
    "the server's side of the volumes of a node (places of kind drbd): what each is, and what makes it",
    'statectl node drbd print07',
    'sudo statectl node drbd print07 --apply',
    'sudo statectl node drbd print07 --apply --volume-group vg0',
    'sudo statectl node drbd all --snapshots',
  )
    .argument('<node>', 'its name, or all')
    .addOption(stateOption())
    .option(
      '--apply',
      'as root on the management host: make what is missing and bring it up, and nothing a second time',
    )
    .option('--up', 'bring up what was made: after a restart of the management host')
    .option('--down', 'take down what is up, so that it goes on later: before the management host ends')
    .option('--snapshots', 'a copy of each volume, mounted read-only; 24 of hours and 14 of days stay')
    .option('--units', 'print the units of systemd that do these, which --apply writes')
    .option('--address <address>', 'of this host, as the machine reaches it', address)
    .option('--machine-address <address>', 'of the machine, where config.d says none', address)
    .option(
      '--volume-group <name>',
      'make the volume in this group of LVM, not as a file of the state directory',
      group,
    )
    .option('--device <path>', 'use this disk, which must be empty', device)
    .addOption(jsonOption())
    .action(async (name: string, options: DrbdOptions) => {
      const { apply, up, down, snapshots, units, state } = options;
      if ([apply, up, down, snapshots, units].filter((one) => one === true).length > 1)
        throw new StatectlError('usage', '--apply, --up, --down, --snapshots and --units are one each', {
          hint: 'statectl node drbd print07 --apply',
        });
      if (units)
        return print(
          volumeUnits(unitWords(state))
            .map((one) => `# ${one.name}\n${one.text}`)
            .join('\n'),
        );
      if (/[[\],]/.test(name))
        throw new StatectlError('usage', `${JSON.stringify(name)} names several nodes: node drbd takes one, or all`, {
          hint: 'statectl node drbd print07, and again for the next one',
        });
      const server = serverState(state, linuxHost());
      if (up || down || snapshots) {
        const store = await server.files();
        await using _lock = await lockVolumes(store);
        const node = name === 'all' ? undefined : name;
        const each = up ? bringUpVolumes : down ? takeDownVolumes : copyVolumes;
        return tellEach(await each(server, store, node), options);
      }
      const nodes = await nodesOf(name, options);
      if (nodes.length === 0 && !options.json) remark('no node has a place of kind drbd');
      // A path that is mistyped is no state to be made.
      const isThere = (await server.host.files.stat(state)) !== undefined;
      const store = await server.files(isThere ? 'create' : 'existing');
      await using _lock = await lockVolumes(store);
      const planned: PlannedVolume[] = [];
      for (const node of nodes) planned.push(...(await planVolumes(server, store, node, wishOf(options))));
      if (!apply)
        return await show(planned, await Promise.all(planned.map((one) => keepResource(store, one))), options);
      const applied = [];
      for (const one of planned) applied.push(await applyVolume(server, store, one));
      const isInstalled = await installUnits(server, volumeUnits(unitWords(state)));
      if (options.json) return printJson(applied);
      for (const { volume, done, notes, standing } of applied) {
        for (const line of done) printLine(`${volume}: ${line}`);
        for (const line of notes) printLine(`${volume}: ${line}`);
        printLine(`${volume}: ${done.length === 0 ? 'nothing to do' : 'made'}; ${standing}`);
      }
      if (!isInstalled) remark('→ no systemd runs here: have `statectl node drbd all --up` run when this host starts');
    });

/** A checkout is run by Node; where the program is then is a guess. */
const INSTALLED = '/usr/local/bin/statectl';
const unitWords = (state: string) => ({ program: isSea() ? process.execPath : INSTALLED, state });

function wishOf({ address: own, machineAddress, volumeGroup, device: path }: DrbdOptions): VolumeWish {
  if (volumeGroup !== undefined && path !== undefined)
    throw new StatectlError('usage', '--volume-group or --device: a volume lies on one', {
      hint: 'leave both out for a file of the state directory',
    });
  return {
    ...(own !== undefined && { address: own }),
    ...(machineAddress !== undefined && { machineAddress }),
    ...(volumeGroup !== undefined && { backing: { on: 'lvm', group: volumeGroup } }),
    ...(path !== undefined && { backing: { on: 'device', path } }),
  };
}

/** Throws `node-unknown`, `config-invalid`. */
async function nodesOf(name: string, { config }: DrbdOptions): Promise<readonly VolumeNode[]> {
  const dir = await readSettings(config);
  const records = name === 'all' ? [...dir.nodes.nodes.values()] : [nodeNamed(dir, name)];
  const nodes = records.flatMap((record) => {
    const { config: said, faults } = effectiveOf(dir, record);
    if (said) return [{ name: record.name, config: said }];
    if (name === 'all') return [];
    throw configInvalid(faults);
  });
  return name === 'all' ? nodes.filter(hasVolume) : nodes;
}

const hasVolume = ({ config }: VolumeNode): boolean =>
  Object.values(config.state.printers).some(({ items }) => items.some(({ kind }) => kind === 'drbd'));

/** What a person reads before they do anything. The secret is in the file alone. */
async function show(planned: readonly PlannedVolume[], paths: readonly string[], { json }: DrbdOptions): Promise<void> {
  const told = planned.map(({ volume, plan, shownText, sizeBytes }, at) => ({
    ...{ volume, resource: shownText, file: paths[at] ?? '' },
    ...('refused' in plan
      ? { refused: plan.refused }
      : { steps: plan.steps.map((step) => describeStep(step, sizeBytes)), notes: plan.notes }),
  }));
  if (json) return printJson(told);
  for (const one of told) {
    print(one.resource);
    printLine(`# With its secret, mode 0600: ${one.file}`);
    if ('refused' in one) for (const { why, next } of one.refused) printLine(`# --apply refuses: ${why} (${next})`);
    else {
      printLine(
        one.steps.length === 0 ? '# It is there: nothing to do.' : '# What --apply does, as root on this host:',
      );
      for (const line of [...one.steps, ...one.notes]) printLine(`#   ${line}`);
    }
  }
}

function tellEach(
  all: readonly OfEach<{ readonly done?: readonly string[]; readonly standing?: string; readonly copy?: string }>[],
  { json }: DrbdOptions,
): void {
  if (json) printJson(all.map((one) => ('error' in one ? { volume: one.volume, error: reasonOf(one.error) } : one)));
  else if (all.length === 0) printLine('no volume was made yet');
  for (const one of all) {
    if (!('error' in one)) {
      if (!json) printLine(`${one.volume}: ${one.copy ?? one.standing ?? ''}`);
      continue;
    }
    process.exitCode = 1;
    if (!json)
      remark(`${one.volume}: ${reasonOf(one.error)}${isStatectlError(one.error) ? ` (${one.error.hint})` : ''}`);
  }
}
