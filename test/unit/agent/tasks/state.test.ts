import { expect, it } from 'vitest';
import type { AgentState } from '../../../../src/agent/agent-state.ts';
import type { ItemStatus } from '../../../../src/agent/state/item-status.ts';
import { state } from '../../../../src/agent/tasks/state.ts';

const AT = Date.UTC(2026, 10, 30, 8, 15);
const shown = (item: ItemStatus, why?: string) =>
  state.status({
    printers: { voron: { lease: 1, ...(why !== undefined && { why }), items: { database: item } } },
  } as unknown as AgentState);

it.each<[ItemStatus, string]>([
  [{ state: 'in-step', lastMs: AT }, 'in step, last 2026-11-30 08:15:00'],
  [
    { state: 'ahead', ahead: '3 files', sinceMs: AT, why: 'a:8080: connect ECONNREFUSED' },
    'AHEAD of the server, the server lacks 3 files, since 2026-11-30 08:15:00 (a:8080: connect ECONNREFUSED)',
  ],
  [
    { state: 'branch', branch: '20261130-print01-3f2a91c0', why: 'no lease' },
    'kept as a BRANCH 20261130-print01-3f2a91c0 (no lease)',
  ],
  [{ state: 'fault', why: 'it is a link' }, 'NOT KEPT (it is a link)'],
])('status says of each item how it stands: %j', (item, text) => {
  expect(shown(item)).toEqual([['voron database', text]]);
});

it('status says first that all of this boot is a branch, and why', () => {
  expect(shown({ state: 'in-step' }, 'there is no server')[0]).toEqual([
    'voron',
    'what this boot does is a BRANCH: there is no server',
  ]);
});
