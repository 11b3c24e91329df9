import { entryOf } from '../../entry-of.ts';
import { reasonOf } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { unfinishedName } from '../../machine/delivery/deliver.ts';
import { deliveryFacts, planDeliveryList } from '../../machine/delivery/delivery.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { withFound } from '../../machine/facts/found-facts.ts';
import type { InstallFacts } from '../../machine/facts/system-facts.ts';
import { planInstall, planLiveFiles } from '../../machine/install/plan-install.ts';
import { IMAGE_MOUNT } from '../../machine/paths.ts';
import type { MachineHost } from '../../machine/roots.ts';
import { authorityLists } from '../../machine/services/authority-lists.ts';
import { findServices } from '../../machine/services/find-services.ts';
import { syslogFacts } from '../../machine/services/syslog-settings.ts';
import type { Step } from '../../machine/steps/step.ts';
import { applyStep } from '../../machine/steps/step.ts';
import { ABSENT, type Entry, foldersBy, isSameEntry, readEntry, type Wanted, wantedBy } from '../entry.ts';
import type { AppliedRecord } from './applied-record.ts';
import { type Edits, type FileFacts, type FilePlan, planFiles } from './plan-files.ts';

/** The facts that the files of the running system follow from: of the bundle in force, where the boot looked at the image. */
export async function liveFacts(host: MachineHost, booted: Facts, now: Facts, context: TaskContext): Promise<Facts> {
  const {
    system: { python, identity },
  } = booted;
  const facts = withFound(now, {
    system: { python, identity },
    bundle: { delivery: await deliveryFacts(host, now, context) },
  });
  const install = booted.system.install && (await liveInstall(host, facts, booted.system.install, context));
  return withFound(facts, { system: { ...(install && { install }), syslog: await syslogFacts(host, facts, context) } });
}

/** What of it follows from settings is looked up anew: what was found at the boot may not hold any more. */
async function liveInstall(host: MachineHost, facts: Facts, booted: InstallFacts, context: TaskContext) {
  const { certificates: _certificates, services: _services, defaultTarget: _target, ...lasting } = booted;
  return {
    ...lasting,
    ...(await authorityLists(host, facts)),
    ...(await findServices(host, facts, booted, context)),
  };
}

export interface LivePlan {
  readonly plans: readonly FilePlan[];
  readonly edited: readonly string[];
  /** By path, what is ours when all is done; what a person edited is as we last put it. */
  readonly files: Readonly<Record<string, Entry>>;
  readonly folders: ReadonlyMap<string, Step>;
  readonly list: { readonly before: readonly Step[]; readonly after: readonly Step[] };
}

/**
 * What the boot would have written other than it did: the same planners, with the facts of then and of now. A path that nothing
 * names any more is as the image has it.
 */
export async function planLive(
  host: Host,
  booted: Facts,
  now: Facts,
  record: AppliedRecord | undefined,
  edits: Edits,
): Promise<LivePlan> {
  const [then, wanted] = [wantedBy(planInstall(booted)), wantedBy(planInstall(now))];
  const live = planLiveFiles(now);
  const named = new Set([...wantedBy(live).keys(), ...wantedBy(planLiveFiles(booted)).keys()]);
  const dropped = new Set((now.bundle.delivery?.dropped ?? []).map(({ path }) => path));
  const paths = new Set([
    ...named,
    ...Object.keys(record?.files ?? {}),
    ...Object.keys(record?.applying ?? {}),
    ...dropped,
  ]);
  const facts: FileFacts[] = [];
  for (const path of paths) {
    const image = await readEntry(host.files, IMAGE_MOUNT + path).catch(() => ABSENT);
    const present = await readEntry(host.files, path);
    const known = entryOf(record?.files, path) ?? then.get(path)?.entry;
    const meanwhile = entryOf(record?.applying, path);
    // A disk may have it from a boot before this one: the list of what bundles brought says so.
    const unknown = dropped.has(path) ? [present] : [image, ABSENT];
    facts.push({
      path,
      wanted: wanted.get(path) ?? asImage(path, image),
      applied: [...(known ? [known] : unknown), ...(meanwhile ? [meanwhile] : [])],
      present,
    });
  }
  const { plans, edited } = planFiles(facts, edits);
  const isEdited = new Set(edited);
  const files = facts
    // What is the image's again is nobody's.
    .filter(({ path }) => named.has(path) || isEdited.has(path))
    .map(({ path, wanted: { entry }, applied: [first = entry] }) => [path, isEdited.has(path) ? first : entry]);
  const list = now.bundle.delivery ? planDeliveryList(now.bundle.delivery) : { before: [], after: [] };
  return { plans, edited, files: Object.fromEntries(files), folders: foldersBy(live), list };
}

function asImage(path: string, image: Entry): Wanted {
  const from = IMAGE_MOUNT + path;
  if (image.kind === 'file') {
    const { sha256, mode, uid, gid } = image;
    return { entry: image, step: { kind: 'deliver', from, to: path, sha256, mode, uid, gid } };
  }
  if (image.kind === 'link') return { entry: image, step: { kind: 'symlink', target: image.target, path } };
  return { entry: ABSENT, step: { kind: 'remove', path } };
}

export interface FilesApplied {
  readonly applied: readonly string[];
  /** By path: why it is not as it should be. */
  readonly failed: Readonly<Record<string, string>>;
}

/** Puts every file in its place, and looks whether it is there. One that cannot be is told, and the others go on. */
export async function applyFiles(
  host: Host,
  { plans, folders, list }: LivePlan,
  context: TaskContext,
): Promise<FilesApplied> {
  const applied: string[] = [];
  const failed: Record<string, string> = {};
  for (const step of list.before) await applyStep(step, host, context);
  for (const { path, entry, steps } of plans) {
    const whys: string[] = [];
    const told: TaskContext = { ...context, warn: (text) => void whys.push(text) };
    try {
      if (entry.kind !== 'absent')
        for (const [folder, step] of folders)
          if (path.startsWith(`${folder}/`) && !(await host.files.stat(folder))) await applyStep(step, host, told);
      for (const step of steps) await applyStep(step, host, told);
    } catch (error) {
      context.signal.throwIfAborted();
      whys.push(reasonOf(error));
    }
    if (isSameEntry(await readEntry(host.files, path), entry)) applied.push(path);
    else {
      failed[path] = whys[0] ?? 'something else is there';
      await host.files.remove(unfinishedName(path)).catch(() => {});
    }
  }
  // What could not be taken away is still ours.
  if (Object.keys(failed).length === 0) for (const step of list.after) await applyStep(step, host, context);
  return { applied, failed };
}
