import { isDeepStrictEqual } from 'node:util';
import { choiceSettings, chooseServers, serversToMeasure } from '../../fetch/choose-servers.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import type { Facts } from '../facts/facts.ts';
import type { FoundFacts } from '../facts/found-facts.ts';
import { SERVERS_MEASURED } from '../paths.ts';
import type { Step } from '../steps/step.ts';

/** Not chosen yet, or not any more. */
export const NO_SERVERS = { servers: { inOrder: undefined, probeMs: undefined } } satisfies FoundFacts;

/** Measures the servers that are known by now, where they were not chosen yet. */
export function planMeasure(facts: Facts): readonly Step[] {
  const question = facts.servers.inOrder ? undefined : serversToMeasure(facts);
  return question ? [{ kind: 'measure-servers', ...question, to: SERVERS_MEASURED }] : [];
}

/** In the order in which they are asked. */
export const takeServers = async (host: Host, facts: Facts, boot: TaskContext): Promise<FoundFacts> => {
  if (facts.servers.inOrder) return {};
  const { servers, probeMs } = await chooseServers(host, SERVERS_MEASURED, facts, boot);
  return { servers: { inOrder: servers, probeMs } };
};

/** A bundle may name other servers than those that were measured to get it, or choose among them in another way. Pure. */
export const chosenAnew = (before: Facts, now: Facts): FoundFacts =>
  isDeepStrictEqual(choiceSettings(before.config.server), choiceSettings(now.config.server)) ? {} : NO_SERVERS;
