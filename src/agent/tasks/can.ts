import { isDeepStrictEqual } from 'node:util';
import { networkWishes } from '../../config/command-line/network-arguments.ts';
import { type CanState, type CanStatus, canState } from '../../machine/network/can-state.ts';
import { type AgentTask, shownTime } from './task.ts';

const LOOK_MS = 10_000;
/** Where there is none to look at. */
const NEVER_MS = 24 * 60 * 60_000;

const TEXTS: Readonly<Record<CanState, string>> = {
  up: 'up',
  missing: 'MISSING: is its adapter plugged in, and its driver in the image?',
  down: 'DOWN: the system has not set it up, or its adapter refuses the bitrate (dmesg)',
  'bus-off': 'BUS-OFF: what it sends meets nobody, or another bitrate; are both ends terminated?',
};

/** The CAN interfaces of network.conf: no boot waits for one, and they come and go with their adapters. */
export const can: AgentTask = {
  name: 'can',

  async run({ host, facts, file, before, reports }, signal) {
    const names = Object.keys(networkWishes(facts.config.network, facts.commandLine).can);
    const known = Object.entries(before?.can ?? {}).filter(([name]) => names.includes(name));
    const seen = new Map<string, CanStatus>(known);
    // What is so for less than two looks is an adapter on its way.
    const told = new Map<string, CanState>(names.map((name) => [name, seen.get(name)?.state ?? 'up']));
    for (;;) {
      for (const name of names) {
        const was = seen.get(name);
        const state = await canState(host, name);
        if (was?.state !== state) seen.set(name, { state, sinceMs: host.clock.now() });
        else if (told.get(name) !== state) {
          told.set(name, state);
          reports.tell('can', { interface: name, state });
        }
      }
      const now = Object.fromEntries(seen);
      if (seen.size > 0 && !isDeepStrictEqual(now, file.state.can)) await file.change({ can: now });
      await host.clock.sleep(names.length > 0 ? LOOK_MS : NEVER_MS, signal);
    }
  },

  status: ({ can: interfaces = {} }) =>
    Object.entries(interfaces).map(([name, { state, sinceMs }]) => [
      `interface ${name}`,
      `${TEXTS[state]}, since ${shownTime(sinceMs)}`,
    ]),
};
