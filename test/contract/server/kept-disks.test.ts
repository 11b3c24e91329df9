import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postReport } from '../../../src/agent/reports/post-report.ts';
import { askKeptDisks } from '../../../src/machine/disks/ask-kept-disks.ts';
import type { DiskContent, DiskFacts } from '../../../src/machine/disks/disk-facts.ts';
import { diskGuid } from '../../../src/machine/disks/guid.ts';
import { tableOf } from '../../../src/machine/disks/layout.ts';
import { reportedDisks } from '../../../src/machine/disks/reported-disks.ts';
import { type AgentLab, agentLab, IDENTITY, type LabMachine } from '../../fixtures/agent-lab.ts';

const { signal } = new AbortController();
const LIMITS = { connectTimeoutMs: 5_000, idleTimeoutMs: 20_000, signal };
const DISK: DiskFacts = { device: '/dev/vda', ids: ['virtio-D1'], serial: 'D1', sizeBytes: 1 << 30, sectorBytes: 512 };

const reported = (word?: string) => {
  const table = tableOf(
    {
      match: { id: 'virtio-D1', minSizeBytes: undefined, maxSizeBytes: undefined },
      ...(word === undefined ? { make: 'empty' } : { make: 'replace', word }),
      partitions: { 'user-data': { sizeBytes: 'rest', type: 'ext4' } },
    },
    'D1',
    DISK,
  );
  if (typeof table === 'string') throw new Error(table);
  const whole = { state: 'good', table } as const;
  const content: DiskContent = {
    ...{ primary: whole, backup: whole, signatures: [], isBlank: false, held: {}, digest: 'd' },
  };
  return reportedDisks({ drives: { main: { fitting: [DISK], content } } });
};

describe('the tables of the disks of a machine', () => {
  let lab: AgentLab;
  beforeAll(async () => {
    lab = await agentLab({ machines: 2, servers: 1 });
  });
  afterAll(() => lab[Symbol.asyncDispose]());
  const url = () => lab.servers[0]?.url ?? '';
  const tell = (machine: LabMachine, more: object, identity = IDENTITY) =>
    postReport(
      machine.host,
      url(),
      { id: `${Math.random()}`, mac: `52:54:00:00:00:${machine.node.slice(-2)}`, ...more },
      { identity, authorities: [] },
      LIMITS,
    );
  const kept = (machine: LabMachine) => askKeptDisks(machine.host, url(), [], IDENTITY);

  it('are kept by the server, also of a disk that is reported no more, and given to that machine alone', async () => {
    const [one, other] = lab.machines as [LabMachine, LabMachine];
    expect(await kept(one)).toEqual({});
    expect(await tell(one, reported())).toBe('taken');
    // Its table is damaged: nothing is reported of it.
    expect(await tell(one, {})).toBe('taken');
    expect(await kept(one)).toEqual({
      'virtio-D1': { ...reported().disks?.['virtio-D1'], guids: [diskGuid('D1', undefined)] },
    });
    expect(await kept(other)).toEqual({});
  });

  it('tell which words were used', async () => {
    const [one] = lab.machines as [LabMachine];
    expect(await tell(one, reported('w1'))).toBe('taken');
    expect(await tell(one, reported('w2'))).toBe('taken');
    expect((await kept(one))['virtio-D1']?.guids).toEqual([
      diskGuid('D1', undefined),
      diskGuid('D1', 'w1'),
      diskGuid('D1', 'w2'),
    ]);
  });

  it('are nobody’s claim: what comes without a certificate, or is no table, changes nothing', async () => {
    const [one, other] = lab.machines as [LabMachine, LabMachine];
    const before = await kept(one);
    const mac = `52:54:00:00:00:${one.node.slice(-2)}`;
    expect(await tell(other, { mac, ...reported('evil') }, '/none')).toBe('taken');
    for (const disks of [{ 'virtio-D1': { table: { guid: 'x' } } }, [], 'text', { a: 1 }])
      expect(await tell(one, { disks })).toBe('taken');
    expect(await kept(one)).toEqual(before);
  });
});
