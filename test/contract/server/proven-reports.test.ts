import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postReport } from '../../../src/agent/reports/post-report.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { countedReports } from '../../../src/server/admin/nodes/last-reports.ts';
import { serverState } from '../../../src/server/admin/server-state.ts';
import { type AgentLab, agentLab, IDENTITY, type LabMachine } from '../../fixtures/agent-lab.ts';
import { machineKeys } from '../../fixtures/identity/machine-keys.ts';

const { signal } = new AbortController();
const macOf = ({ node }: LabMachine): string => `52:54:00:00:00:${node.slice(-2)}`;
const LIMITS = { connectTimeoutMs: 5_000, idleTimeoutMs: 20_000, signal };

describe('the report of a machine that has a certificate', () => {
  let lab: AgentLab;
  beforeAll(async () => {
    lab = await agentLab({ machines: 2, servers: 1 });
  });
  afterAll(() => lab[Symbol.asyncDispose]());

  const server = () => lab.servers[0] as AgentLab['servers'][number];
  const reportOf = (machine: LabMachine, more: object, identity = IDENTITY) =>
    postReport(
      machine.host,
      server().url,
      { id: `${Math.random()}`, mac: macOf(machine), ...more },
      { identity, authorities: [] },
      LIMITS,
    );
  const last = () => countedReports(serverState(server().state, linuxHost()));

  it('is its own word, which nobody changes who only claims to be it', async () => {
    const [one, other] = lab.machines as [LabMachine, LabMachine];
    expect(await reportOf(one, { image: 'lab@1' })).toBe('taken');
    // Another machine that is known, and somebody who shows nothing, both claim to be the first.
    expect(await reportOf(other, { mac: macOf(one), image: 'evil@1', config: { node: one.node } })).toBe('taken');
    expect(await reportOf(other, { mac: macOf(one), image: 'evil@2', config: { node: one.node } }, '/none')).toBe(
      'taken',
    );
    const reports = await last();
    expect(reports.get(`node ${one.node}`)).toMatchObject({ node: one.node, image: 'lab@1', isProven: true });
    expect(reports.get(`node ${other.node}`)).toMatchObject({ node: other.node, image: 'evil@1' });
    expect(reports.get(macOf(one))).toMatchObject({ image: 'evil@2' });
    expect(reports.get(macOf(one))).not.toHaveProperty('isProven');
  });

  it('is taken as a claim from a machine whose key counts no more, and what it proved before counts no more', async () => {
    const [, other] = lab.machines as [LabMachine, LabMachine];
    await using enrolments = await machineKeys(server().state);
    await enrolments.decide(other.digest, 'revoked');
    expect(await reportOf(other, { image: 'lab@3' })).toBe('taken');
    const reports = await last();
    expect(reports.has(`node ${other.node}`)).toBe(false);
    expect(reports.get(macOf(other))).toMatchObject({ image: 'lab@3' });
  });
});
