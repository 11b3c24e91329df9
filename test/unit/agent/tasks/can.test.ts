import { expect, it } from 'vitest';
import type { AgentState } from '../../../../src/agent/agent-state.ts';
import { can } from '../../../../src/agent/tasks/can.ts';
import type { Agent } from '../../../../src/agent/tasks/task.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { createFacts } from '../../../fixtures/facts.ts';
import { networkConfig } from '../../../fixtures/network.ts';

const SINCE = Date.UTC(2026, 10, 30, 8, 15);

it.each([
  ['missing', 'MISSING: is its adapter plugged in, and its driver in the image?, since 2026-11-30 08:15:00'],
  ['up', 'up, since 2026-11-30 08:15:00'],
] as const)('an interface that is %s is told', (state, text) => {
  const shown = can.status({ can: { can0: { state, sinceMs: SINCE } } } as unknown as AgentState);
  expect(shown).toEqual([['interface can0', text]]);
});

it('an adapter that goes and comes is seen, and told to the server once it is so for two looks', async () => {
  const host = memoryHost({ files: {} });
  const facts = createFacts({
    config: { network: await networkConfig('interfaces: { can0: { kind: can, bitrate: 1M } }') },
  });
  const told: object[] = [];
  let state: Pick<AgentState, 'can'> = {};
  const seen: string[] = [];
  const file = {
    get state() {
      return state;
    },
    change: async (changes: Partial<AgentState>) => {
      state = { ...state, ...changes };
      seen.push(state.can?.can0?.state ?? '');
    },
  };
  const end = new AbortController();
  const sys = '/sys/class/net/can0';
  const looks: (() => Promise<void>)[] = [
    async () => {},
    async () => {},
    async () => {
      await host.files.mkdir(sys);
      await host.files.write(`${sys}/flags`, '0x400c1\n');
      await host.files.write(`${sys}/carrier`, '1\n');
    },
    async () => host.files.write(`${sys}/carrier`, '0\n'),
    async () => host.files.write(`${sys}/carrier`, '1\n'),
    async () => {},
    async () => end.abort(new Error('the test is over')),
  ];
  const clock = {
    ...host.clock,
    async sleep() {
      await looks.shift()?.();
      end.signal.throwIfAborted();
    },
  };
  const reports = { tell: (what: string, about: object) => void told.push({ what, ...about }) };
  const agent = { host: { ...host, clock }, facts, file, before: undefined, reports } as unknown as Agent;
  await expect(can.run(agent, end.signal)).rejects.toThrow('the test is over');
  expect(seen).toEqual(['missing', 'up', 'bus-off', 'up']);
  expect(told).toEqual([
    { what: 'can', interface: 'can0', state: 'missing' },
    { what: 'can', interface: 'can0', state: 'up' },
  ]);
});
