import { reasonOf } from '../error.ts';
import { readBundleAnswers } from '../fetch/ask-bundle.ts';
import type { Host } from '../host/host.ts';
import type { TaskContext } from '../host/task-context.ts';
import { ASK_BUNDLE, KEEP_BUNDLE, takeKept, takeNewest } from '../machine/delivery/take-bundle.ts';
import type { Facts } from '../machine/facts/facts.ts';
import { type FoundFacts, withFound } from '../machine/facts/found-facts.ts';
import type { Lease } from '../machine/facts/network-facts.ts';
import { BUNDLE_ANSWERS } from '../machine/paths.ts';
import { machineHost, RUNNING } from '../machine/roots.ts';
import { runSequence } from '../machine/sequence.ts';
import type { AgentHost, Refreshed } from './agent.ts';
import { applyConfig } from './apply/apply-config.ts';
import { readFacts } from './apply/boot-facts.ts';

/**
 * Asks a server what this machine is to be, keeps a newer bundle for the next boot as a boot does, and makes of it what needs no
 * reboot. What was left undone by an agent that was killed is completed, whatever the server says.
 */
export async function refresh(host: AgentHost, server: string, signal: AbortSignal): Promise<Refreshed> {
  const nothing = { applied: [], needsReboot: [], keptLocal: [] };
  try {
    const booted = await readFacts(host);
    const { facts, ...asked } = await askServer(host, booted, server, signal);
    // Settings of the initramfs alone were in force since the boot.
    if (!facts.bundle.inForce) return { ...nothing, ...asked };
    const { applied, needsReboot, keptLocal } = await applyConfig(host, booted, facts, signal);
    const isApplied = asked.state === 'unchanged' && applied.length > 0;
    return {
      ...asked,
      ...(isApplied && { state: 'applied' }),
      applied,
      needsReboot: needsReboot.map(({ path }) => path),
      keptLocal,
    };
  } catch (error) {
    signal.throwIfAborted();
    return { ...nothing, state: 'refused', reason: reasonOf(error) };
  }
}

/** The facts of the boot with the newest bundle that this machine keeps. */
export async function factsInForce(host: Host, booted: Facts, context: TaskContext): Promise<Facts> {
  return withFound(booted, { bundle: { inForce: undefined }, ...(await takeNewest(host, booted, context)) });
}

type Asked = { readonly facts: Facts } & Pick<Refreshed, 'state' | 'reason'>;

/** The bundle phase of the boot, with one server. */
async function askServer(host: AgentHost, booted: Facts, server: string, signal: AbortSignal): Promise<Asked> {
  const troubles: string[] = [];
  const quiet: TaskContext = { signal, say: () => {}, warn: () => {} };
  const listening: TaskContext = { ...quiet, warn: (text) => void troubles.push(text) };
  const kept = await factsInForce(host, booted, quiet);
  const known = withFound(booted, {
    bundle: { inForce: undefined },
    // What only RAM has is asked for again: the next boot shall find it on the disk.
    ...(await takeKept(host, booted, quiet)),
    ...withNetwork(booted),
    servers: { inOrder: [{ url: server, reason: 'the agent asks it' }] },
  });
  // Not again: the agent comes back by itself.
  const asking = { ...known, config: { ...known.config, server: { ...known.config.server, tries: 1 } } };
  const machine = machineHost(host, RUNNING);
  await runSequence([ASK_BUNDLE], asking, machine, listening);
  const [answer] = await readBundleAnswers(host, BUNDLE_ANSWERS).catch(() => []);
  if (!answer) return { facts: kept, state: 'unreachable', reason: troubles[0] ?? `${server} cannot be asked` };
  const judged = await runSequence([KEEP_BUNDLE], asking, machine, listening);
  if (!judged.bundle.inForce && !('failure' in answer) && answer.status === 404) return { facts: kept, state: 'none' };
  const isAway = 'failure' in answer || answer.status >= 500;
  if (!judged.bundle.newer)
    return judged.bundle.inForce?.server || (troubles.length === 0 && !isAway)
      ? { facts: kept, state: 'unchanged' }
      : { facts: kept, state: isAway ? 'unreachable' : 'refused', reason: troubles.join('; ') };
  const facts = await factsInForce(host, booted, listening);
  return facts.bundle.inForce?.digest === judged.bundle.newer.digest
    ? {
        facts: { ...facts, bundle: { ...facts.bundle, inForce: { ...facts.bundle.inForce, server } } },
        state: 'applied',
      }
    : { facts, state: 'refused', reason: troubles.join('; ') || 'the new bundle could not be kept' };
}

/** A cable that was plugged in after the boot: by its card the server knows the machine all the same. */
function withNetwork({ network: { leases = [], interfaces = [] } }: Facts): FoundFacts {
  if (leases.length > 0) return { network: { leases } };
  const [card] = interfaces.filter(({ wireless }) => !wireless).toSorted((a, b) => (a.mac < b.mac ? -1 : 1));
  const device = card?.name ?? 'none';
  const lease: Lease = { device, method: 'static', address: '', prefixLength: 0, dns: [], ntp: [] };
  return { network: { leases: [lease] } };
}
