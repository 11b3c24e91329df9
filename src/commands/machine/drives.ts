import { entryOf } from '../../entry-of.ts';
import { isStatectlError, reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { askKeptDisks } from '../../machine/disks/ask-kept-disks.ts';
import { driveRounds } from '../../machine/disks/drive-rounds.ts';
import { identify } from '../../machine/disks/identify-disk.ts';
import type { Drive } from '../../machine/disks/layout.ts';
import { type Known, planActivation, planFileSystems, planTable } from '../../machine/disks/plan-drives.ts';
import { planDelete, planWipe } from '../../machine/disks/plan-removal.ts';
import { lookAtDrives, readDisks } from '../../machine/disks/read-disk.ts';
import type { RecordedFacts } from '../../machine/facts/recorded-facts.ts';
import { machineHost, RUNNING } from '../../machine/roots.ts';
import { type Round, runSequence } from '../../machine/sequence.ts';
import { applyStep, describe, type Step, shellOf } from '../../machine/steps/step.ts';
import { print, printJson, printLine, remark } from '../print.ts';
import { parseWords, unknownCommand } from './boot-words.ts';
import { drivesText, stateOf } from './drives-text.ts';
import { settingsOfBoot } from './settings-of-boot.ts';
import { typedName } from './typed-name.ts';

/** `statectl drives`: the disks that drives.conf names. */
export async function drives(host: Host, [command = 'list', ...words]: readonly string[]): Promise<number> {
  const { values, positionals } = parseWords('drives', {
    args: [...words],
    options: { json: { type: 'boolean' }, yes: { type: 'string' } },
    allowPositionals: true,
  });
  const given: Given = { json: values.json ?? false, yes: values.yes, names: positionals };
  switch (command) {
    case 'list':
      return await list(host, given);
    case 'plan':
      return await plan(host, given);
    case 'apply':
      return await apply(host, given);
    case 'wipe':
      return await wipe(host, given);
    case 'delete':
      return await remove(host, given);
    default:
      throw unknownCommand('drives', command);
  }
}

interface Given {
  readonly json: boolean;
  readonly yes: string | undefined;
  readonly names: readonly string[];
}

/** The drives that are meant: all, or the one that is named. Throws `drive-unknown`. */
function named(facts: RecordedFacts, name: string | undefined): Readonly<Record<string, Drive>> {
  const all = facts.config.drives;
  if (name === undefined) return all;
  const drive = entryOf(all, name);
  if (drive) return { [name]: drive };
  const known = Object.keys(all);
  throw new StatectlError('drive-unknown', `drives.conf has no drive ${name}`, {
    hint: known.length > 0 ? `it has ${known.join(', ')}` : 'it has none: docs/guide/disks.md',
  });
}

async function list(host: Host, { json, names }: Given): Promise<number> {
  if (names.length > 0) throw new StatectlError('usage', 'statectl drives list takes no name');
  const facts = await settingsOfBoot(host);
  const disks = await readDisks(host);
  const looks = await lookAtDrives(host, facts.config.drives);
  const rows = disks.map((disk) => {
    const fitting = Object.entries(looks).filter(([, { fitting: all }]) =>
      all.some((one) => one.device === disk.device),
    );
    const [drive, look] = fitting[0] ?? [];
    return { ...disk, drive, state: stateOf(disk, entryOf(facts.config.drives, drive ?? ''), look) };
  });
  if (json) printJson(rows);
  else if (rows.length === 0) remark('this machine has no disk');
  else print(drivesText(rows));
  return 0;
}

async function plan(host: Host, { json, names: [name] }: Given): Promise<number> {
  const chosen = named(await settingsOfBoot(host), name);
  const looks = await lookAtDrives(host, chosen);
  const plans = Object.entries(chosen).flatMap(([each, drive]) => {
    const look = entryOf(looks, each);
    return look ? [planTable, planFileSystems, planActivation].map((plan) => plan(each, drive, look)) : [];
  });
  const steps = plans.flatMap((one) => one.steps);
  const notes = plans.flatMap((one) => one.notes);
  if (json) printJson({ notes, steps: steps.map((step) => ({ step, text: describe(step), command: shellOf(step) })) });
  else {
    for (const note of notes) printLine(note);
    for (const step of steps) print(`# ${describe(step)}\n${shellOf(step)}\n`);
    if (steps.length === 0) remark('nothing is to be done');
    else remark('`statectl drives apply` does it, and what follows from it');
  }
  return 0;
}

async function apply(host: Host, { names: [name], yes }: Given): Promise<number> {
  const facts = await settingsOfBoot(host);
  const chosen = named(facts, name);
  const mayReplace = yes !== undefined && yes === name;
  if (yes !== undefined && !mayReplace)
    throw new StatectlError('usage', `--yes ${yes} is not the name of the drive`, {
      hint: 'statectl drives apply NAME --yes NAME',
    });
  const known = name === undefined ? {} : { [name]: { mayReplace, ...(await knownByServer(host, facts, name)) } };
  return await run(host, driveRounds(known), { ...facts, config: { ...facts.config, drives: chosen } });
}

/**
 * What a server knows of the disk of a drive: asked for where its table is gone, or somebody's is to be replaced. A machine that no
 * server answers has its disk alone to go by: a table that is gone stays so, and a replacement is refused. Throws `word-unknown`.
 */
async function knownByServer(host: Host, facts: RecordedFacts, name: string): Promise<Known> {
  const drive = entryOf(facts.config.drives, name);
  const look = drive && entryOf(await lookAtDrives(host, { [name]: drive }), name);
  const identity = look?.content && identify(look.content);
  const replaces = drive?.make === 'replace' && identity?.kind === 'foreign';
  if (identity?.kind !== 'damaged' && !replaces) return {};
  const server = facts.bundle.inForce?.server ?? facts.root.offer?.server;
  // A machine that no server knows of has nobody to ask.
  if (server === undefined) return {};
  try {
    const { authorities } = facts.config.server;
    const kept = entryOf(await askKeptDisks(host, server, authorities), look?.fitting[0]?.ids[0] ?? '');
    return kept ? { usedGuids: kept.guids, keptTable: kept.table } : {};
  } catch (cause) {
    // Whom no server knows, of that none keeps anything.
    const isStranger = isStatectlError(cause) && ['no-certificate', 'no-events'].includes(cause.code);
    if (!replaces || isStranger) remark(`no server tells what was on the disk: ${reasonOf(cause)}`);
    else
      throw new StatectlError('word-unknown', `nobody tells whether the word of ${name} was used: ${reasonOf(cause)}`, {
        cause,
        hint: `see that ${server} is in reach, and that this machine is approved there`,
      });
    return {};
  }
}

/** Shows each step as it is done. The exit status says whether all was. */
async function run(host: Host, rounds: readonly Round[], facts: RecordedFacts): Promise<number> {
  let failed = 0;
  const warn = (text: string) => {
    failed += text.startsWith('DEGRADED: ') ? 1 : 0;
    remark(text.replace(/^DEGRADED: /, ''));
  };
  const shown = rounds.map((round) => ({
    ...round,
    plan: (known: typeof facts) => {
      const steps = round.plan?.(known) ?? [];
      for (const step of steps) printLine(describe(step));
      return steps;
    },
  }));
  const { looks: _looks, ...known } = facts;
  const fresh = { ...known, root: { ...known.root, drives: {}, driveNotes: [] } };
  const signal = new AbortController().signal;
  await runSequence(shown, fresh, machineHost(host, RUNNING), { say: printLine, warn, signal });
  return failed === 0 ? 0 : 1;
}

async function wipe(host: Host, { names: [name, ...more], yes }: Given): Promise<number> {
  if (name === undefined || more.length > 0)
    throw new StatectlError('usage', 'which drive is to be wiped?', { hint: 'statectl drives wipe NAME' });
  const [drive, look] = await lookedAt(host, name);
  return await typedThenDone(host, planWipe(name, drive, look), name, yes);
}

async function remove(host: Host, { names: [name, label, ...more], yes }: Given): Promise<number> {
  if (name === undefined || label === undefined || more.length > 0)
    throw new StatectlError('usage', 'which partition of which drive?', { hint: 'statectl drives delete DRIVE LABEL' });
  const [drive, look] = await lookedAt(host, name);
  return await typedThenDone(host, planDelete(name, drive, look, label), label, yes);
}

async function lookedAt(host: Host, name: string) {
  const chosen = named(await settingsOfBoot(host), name);
  const [drive, look] = [entryOf(chosen, name), entryOf(await lookAtDrives(host, chosen), name)];
  if (!drive || !look) throw new StatectlError('drive-unknown', `drives.conf has no drive ${name}`);
  return [drive, look] as const;
}

/** Data is lost by it: the name is typed, or given by --yes. */
async function typedThenDone(host: Host, step: Step, name: string, yes: string | undefined): Promise<number> {
  printLine(`${describe(step)}: what is there is lost`);
  await typedName(name, yes);
  let failed = false;
  await applyStep(step, host, {
    say: printLine,
    warn: (text) => {
      failed = true;
      remark(text.replace(/^DEGRADED: /, ''));
    },
    signal: new AbortController().signal,
  });
  return failed ? 1 : 0;
}
