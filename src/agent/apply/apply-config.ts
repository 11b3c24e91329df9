import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../config/config.ts';
import { entryOf } from '../../entry-of.ts';
import type { BundleFacts } from '../../fetch/kept-bundle.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { bringAccounts, readAccountFiles } from '../../machine/accounts/merge-accounts.ts';
import { unfinishedName } from '../../machine/delivery/deliver.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { withFound } from '../../machine/facts/found-facts.ts';
import { PASSWORDS } from '../../machine/identity/identity.ts';
import { isEtcWritable } from '../../machine/install/plan-install.ts';
import { IMAGE_MOUNT } from '../../machine/paths.ts';
import { machineHost, RUNNING } from '../../machine/roots.ts';
import type { AgentHost } from '../agent.ts';
import { type AppliedRecord, type NeedsReboot, readApplied, writeApplied } from './applied-record.ts';
import { dropAccounts } from './drop-accounts.ts';
import { applyFiles, liveFacts, planLive } from './live-files.ts';
import { changeMounts } from './mount-changes.ts';
import { liveConfig, needsReboot } from './needs-reboot.ts';
import { tellReaders } from './tell-services.ts';

export interface ConfigApplied {
  /** Paths, mount points, and `accounts`. */
  readonly applied: readonly string[];
  readonly needsReboot: readonly NeedsReboot[];
  readonly keptLocal: readonly string[];
}

/**
 * Makes the running system what the bundle in force says, as far as that goes without a reboot. Whatever instant it is killed
 * at, the next call completes it: before something is changed, the record says what with.
 */
export async function applyConfig(
  host: AgentHost,
  booted: Facts,
  now: Facts,
  signal: AbortSignal,
): Promise<ConfigApplied> {
  const before = await readApplied(host.files);
  const { context, warnings } = listen(host, before, signal);
  const config = liveConfig(booted.config, now.config);
  const facts = withFound(now, { config, root: { blocks: booted.root.blocks } });
  const was: AppliedRecord = before ?? { ...NOTHING, users: booted.config.users, fstab: booted.config.fstab };
  if (!isDeepStrictEqual([was.users, was.fstab], [config.users, config.fstab]))
    await writeApplied(host.files, { ...was, meanwhile: together(was.meanwhile, config) });
  const accounts = await changeAccounts(host, was, facts, context);
  const mounts = await changeMounts(host, was, facts, context);
  const live = await liveFacts(machineHost(host, RUNNING), booted, facts, context);
  const edits = config.etc.edits ?? 'report';
  const plan = await planLive(host, booted, live, before, edits);
  const keptLocal = edits === 'report' ? plan.edited : [];
  const record = {
    ...(now.bundle.inForce && { bundle: numberOf(now.bundle.inForce) }),
    atMs: host.clock.now(),
    users: config.users,
    fstab: mounts.fstab,
    keptLocal,
  };
  const reboot = needsReboot(booted.config, now.config).map((path): NeedsReboot => ({ path }));
  const present = Object.fromEntries(plan.plans.map((each) => [each.path, each.present]));
  const unfinished = Object.keys(before?.applying ?? {});
  if (plan.plans.length > 0) {
    const applying = Object.fromEntries(plan.plans.map(({ path, entry }) => [path, entry]));
    // What is there and what takes its place: after any interruption both are ours.
    const files = { ...plan.files, ...present };
    await writeApplied(host.files, {
      ...record,
      files,
      applying: { ...before?.applying, ...applying },
      needsReboot: before?.needsReboot ?? [],
      warnings: warnings(),
    });
  }
  for (const path of unfinished) await host.files.remove(unfinishedName(path)).catch(() => {});
  const { applied, failed } = await applyFiles(host, plan, context);
  for (const text of await tellReaders(host, booted.system.install?.serviceManager, [...applied, ...unfinished]))
    context.warn(text);
  for (const path of keptLocal) context.warn(`${path} was edited by hand and is left as it is`);
  const waiting = [
    ...reboot.filter(({ path }) => !mounts.needsReboot.some((other) => other.path === path)),
    ...mounts.needsReboot,
    ...Object.entries(failed).map(([path, why]): NeedsReboot => ({ path, why })),
  ];
  const files = Object.fromEntries(
    Object.entries(plan.files).map(([path, entry]) => [
      path,
      Object.hasOwn(failed, path) ? (entryOf(present, path) ?? entry) : entry,
    ]),
  );
  const done: AppliedRecord = { ...record, files, needsReboot: waiting, warnings: warnings() };
  if (!isDeepStrictEqual({ ...done, atMs: before?.atMs }, before)) await writeApplied(host.files, done);
  return { applied: [...accounts, ...mounts.applied, ...applied], needsReboot: waiting, keptLocal };
}

const numberOf = ({ node, epoch, sequence, contentDigest }: BundleFacts) => ({
  ...(node !== undefined && { node }),
  epoch,
  sequence,
  contentDigest,
});

/** Everything is told once, and kept as long as it holds. */
function listen(host: AgentHost, before: AppliedRecord | undefined, signal: AbortSignal) {
  const told = new Set<string>();
  const context: TaskContext = {
    signal,
    say: () => {},
    warn: (text) => {
      if (!told.has(text) && !before?.warnings.includes(text)) host.console.line('warning', text);
      told.add(text);
    },
  };
  return { context, warnings: () => [...told] };
}

const NOTHING = { atMs: 0, files: {}, needsReboot: [], keptLocal: [], warnings: [] };

/** What several may have begun, one after the other. */
const together = (earlier: AppliedRecord['meanwhile'], { users, fstab }: Config) => ({
  users: {
    users: { ...earlier?.users.users, ...users.users },
    groups: { ...earlier?.users.groups, ...users.groups },
  },
  fstab: { ...earlier?.fstab, ...fstab },
});

/** Merged anew when config.d says something else of them than it did. */
async function changeAccounts(
  host: Host,
  { users: before, meanwhile }: Pick<AppliedRecord, 'users' | 'meanwhile'>,
  facts: Facts,
  context: TaskContext,
): Promise<readonly string[]> {
  const { users } = facts.config;
  if ((isDeepStrictEqual(before, users) && !meanwhile) || !isEtcWritable(facts)) return [];
  const image = await readAccountFiles(host, IMAGE_MOUNT);
  await bringAccounts({ root: '/', users, passwords: PASSWORDS }, host, context, (now) =>
    dropAccounts(now, image, before, users, meanwhile?.users),
  );
  return ['accounts'];
}
