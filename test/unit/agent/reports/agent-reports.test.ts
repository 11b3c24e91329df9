import { describe, expect, it } from 'vitest';
import type { AgentState } from '../../../../src/agent/agent-state.ts';
import { agentReports } from '../../../../src/agent/reports/agent-reports.ts';
import { reportQueue } from '../../../../src/agent/reports/report-queue.ts';
import { bell } from '../../../../src/agent/servers/bell.ts';
import type { Server } from '../../../../src/host/memory/http.ts';
import type { Seed } from '../../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { LARGEST_REPORT_BYTES } from '../../../../src/server/reports/report-routes.ts';
import { writeKey } from '../../../../src/slots/cycle-key.ts';
import { writeRecord } from '../../../../src/slots/journal-record.ts';
import { JOURNAL_FILE, KEY_FILE } from '../../../../src/slots/look-at-cycles.ts';
import { createFacts } from '../../../fixtures/facts.ts';
import { createRecord } from '../../../fixtures/running-system.ts';
import { createState, good, B as IMAGE_B } from '../../../fixtures/slots/cycles.ts';

const [A, B] = ['http://a.lab:8080', 'http://b.lab:8080'] as const;

function lab(
  servers: () => readonly string[],
  took: (at: string, event: string) => number,
  files: Readonly<Record<string, Seed>> = {},
) {
  const got: string[] = [];
  const bodies: string[] = [];
  const server =
    (name: string): Server =>
    ({ body }) => {
      bodies.push(body);
      const { event } = JSON.parse(body).agent;
      const status = took(name, event);
      if (status === 204) got.push(`${name} ${event}`);
      return { status };
    };
  const host = memoryHost({
    servers: { [A]: server('a'), [B]: server('b') },
    files: { '/run': { type: 'dir' }, ...files },
  });
  const facts = createFacts();
  const { machine, config } = facts;
  const reports = agentReports(host, {
    ...{ record: createRecord(facts), facts, queue: reportQueue(host, '/run/queue'), servers, bell: bell(host.clock) },
    settings: () => ({
      ...{ server: config.server, listed: [A], all: [A] },
      ...{ configDigest: machine.configDigest, configOrigin: 'baked' },
    }),
    file: { state: {} as AgentState, change: async () => {} },
  });
  const stop = new AbortController();
  const sending = reports.keepSending(stop.signal).catch(() => {});
  return {
    ...{ host, reports, got, bodies },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await sending;
    },
  };
}

describe('the reports of an agent', () => {
  it('go to the server where the machine is by then', async () => {
    let here: readonly string[] = [A, B];
    await using agent = lab(
      () => here,
      () => {
        here = [B, A];
        return 204;
      },
    );
    agent.reports.tell('one', {});
    agent.reports.tell('two', {});
    await agent.host.clock.sleep(60_000);
    expect(agent.got).toEqual(['a one', 'b two']);
  });

  it('go to another where that one does not take them, in order and once', async () => {
    await using agent = lab(
      () => [A, B],
      (at) => (at === 'a' ? 503 : 204),
    );
    for (const event of ['one', 'two', 'three']) agent.reports.tell(event, {});
    await agent.host.clock.sleep(3_600_000);
    expect(agent.got).toEqual(['b one', 'b two', 'b three']);
  });

  it.each([
    [
      'names every file of a large bundle',
      { applied: Array.from({ length: 10_000 }, (_, at) => `/etc/${'x'.repeat(200)}/${at}`) },
    ],
    ['has a long reason', { reason: 'ü'.repeat(100_000) }],
    ['has long lists of long texts', { a: Array(50).fill('é"'.repeat(4_000)), b: Array(50).fill('x'.repeat(900)) }],
    ['has an object that is too large', { deep: { list: Array(9_000).fill('x') } }],
  ])('are cut to what a server takes where one %s', async (_, about) => {
    await using agent = lab(
      () => [A],
      () => 204,
    );
    agent.reports.tell('bundle', { server: A, ...about });
    await agent.host.clock.sleep(60_000);
    expect(agent.got).toEqual(['a bundle']);
    const [body = ''] = agent.bodies;
    expect(Buffer.byteLength(body)).toBeLessThan(LARGEST_REPORT_BYTES);
    expect(JSON.parse(body).agent.server).toBe(A);
    expect(body).toMatch(/more"|…|too long/);
  });

  it('say which systems the machine has, and how its last starts ended', async () => {
    const key = { cycle: 10, key: '5'.repeat(64) };
    const past = (['HEALTHY', 'HEALTHY', 'UNCLEAN_STOP', 'FAILED_START'] as const).map((verdict, at) => ({
      ...{ cycle: 6 + at, slot: 'b' as const, verdict },
    }));
    const state = createState({ past, b: good(IMAGE_B, 4, { state: 'BAD', why: '3 failed starts in a row' }) });
    await using agent = lab(
      () => [A],
      () => 204,
      {
        [JOURNAL_FILE]: Buffer.concat([writeRecord(state, 7, key), Buffer.alloc(4096)]),
        [KEY_FILE]: { data: writeKey(key), mode: 0o600 },
      },
    );
    agent.reports.tell('one', {});
    await agent.host.clock.sleep(60_000);
    expect(JSON.parse(agent.bodies[0] ?? '').slots).toEqual({
      booted: 'a',
      systems: {
        a: { state: 'GOOD', healthyCycles: 9 },
        b: { state: 'BAD', healthyCycles: 4, why: '3 failed starts in a row' },
      },
      past: [past[3], past[2], past[1]],
    });
  });
});
