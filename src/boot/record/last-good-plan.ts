import { createHash } from 'node:crypto';
import type { Host } from '../../host/host.ts';
import { copyOf } from '../../machine/cycle/cycle-decision.ts';
import { userDataDevice } from '../../machine/facts/disks.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { withFound } from '../../machine/facts/found-facts.ts';
import type { RecordedFacts } from '../../machine/facts/recorded-facts.ts';
import { chooseSource, typeOf } from '../../machine/places/source.ts';
import { at } from '../../machine/roots.ts';
import { shellOf } from '../../machine/steps/step.ts';
import { planAll } from '../plan-all.ts';
import { IN_SYSROOT } from '../roots.ts';
import { FROM_DISK } from '../story.ts';

/**
 * The plan of this boot as ash can run it, when the next boot needs only local files; undefined when it needs a server.
 * What was fetched and kept this time is the local copy of the next.
 */
export function lastGoodPlan({ looks: _looks, ...facts }: RecordedFacts): string | undefined {
  const source = chooseSource(facts);
  if (source.kind === 'fetched' && !source.kept) return undefined;
  // Nobody but the controller can verify a tree.
  if (source.kind !== 'partition' && typeOf(source) !== source.manifest.root.type) return undefined;
  if (userDataDevice(facts) === undefined) return undefined;
  const copy =
    source.kind === 'fetched'
      ? {
          ...{ dir: source.dir, manifest: source.manifest, manifestSha256: facts.root.offer?.manifestSha256 ?? '' },
          ...(source.into?.device !== undefined && { device: source.into.device }),
        }
      : source.kind === 'copy' && source.device !== undefined
        ? { ...source, manifestSha256: '' }
        : copyOf(facts.root, source.kind === 'copy' ? source.manifest.root.sha256 : undefined);
  // What was seeded this time holds a person's files the next time: it is not copied over them again.
  const tree = facts.root.tree && { ...facts.root.tree, emptySources: [] };
  // What was dropped is gone; a person may put something there since.
  const delivery = facts.bundle.delivery && {
    ...facts.bundle.delivery,
    dropped: [],
    listedBefore: facts.bundle.delivery.listed,
  };
  // What was fetched this time is in the store the next.
  const python = facts.system.python && { ...facts.system.python, wanted: [], stale: [] };
  const missing =
    (facts.system.identity?.secrets.length ?? 0) > 0
      ? "echo 'without its secrets: only the controller opens them'\n"
      : '';
  const known: Facts = facts;
  // Who the machine is, and what it may know, the controller alone puts into RAM.
  const local = withFound(known, {
    // What is booted without the controller is no cycle.
    root: { copy, tree, offer: undefined, cycle: undefined },
    bundle: { delivery },
    system: { python, identity: undefined, credentials: undefined },
    network: { leases: [] },
  });
  const lines = planAll(FROM_DISK, local).map(({ step }) => shellOf(step));
  return `#!/bin/sh\n# The plan of the last good boot, for /init when the controller cannot run. Made by statectl.\nset -e\n${missing}${lines.join('\n')}\n`;
}

/** Keeps the plan with its digest on /user-data, where /init runs it only when the digest fits; forgets the failed attempts. */
export async function keepLastGoodPlan({ files }: Pick<Host, 'files'>, facts: Facts): Promise<void> {
  if (userDataDevice(facts) === undefined) return;
  const dir = at(IN_SYSROOT, '/user-data/persistent/statectl');
  await files.remove(`${dir}/attempts`);
  const plan = lastGoodPlan(facts);
  if (plan === undefined) {
    // A plan from the time when this machine booted otherwise must not run.
    await files.remove(`${dir}/plan.sha256`);
    await files.remove(`${dir}/plan.sh`);
    return;
  }
  const digest = `${createHash('sha256').update(plan).digest('hex')}  plan.sh\n`;
  // Flash wears: nothing is written when nothing changed.
  if ((await files.readText(`${dir}/plan.sha256`).catch(() => '')) !== digest) {
    await files.write(`${dir}/plan.sh`, plan, { mode: 0o700 });
    await files.write(`${dir}/plan.sha256`, digest);
  }
}
