import { expect, it } from 'vitest';
import { type ConfigStanding, configStatus } from '../../../../src/agent/state/git-status.ts';

const QUIET: ConfigStanding = {
  ...{ left: [], waiting: [], sinceMs: undefined, lastMs: 5, branch: undefined },
  ...{ held: undefined, unkept: undefined, staged: false, failure: undefined },
};
const LINK = 'it is a symbolic link';

it.each<[string, Partial<ConfigStanding>, object]>([
  [
    'a server that has everything and is away is no news',
    { failure: { why: 'no route', isFault: false } },
    { state: 'in-step', lastMs: 5 },
  ],
  [
    'what it lacks is named, and since when',
    { waiting: ['a', 'b', 'c', 'd'], sinceMs: 3, failure: { why: 'no route', isFault: false } },
    { state: 'ahead', ahead: 'a, b, c', sinceMs: 3, lastMs: 5, why: 'no route' },
  ],
  [
    'a link is told and is no fault',
    { left: [{ path: 'x', why: LINK, wasKept: false }] },
    { state: 'in-step', lastMs: 5, why: `x is not kept: ${LINK}` },
  ],
  [
    'a link in the place of what was kept is one',
    { left: [{ path: 'x', why: LINK, wasKept: true }] },
    { state: 'fault', lastMs: 5, why: `x is not kept: ${LINK}` },
  ],
  [
    'what is too large is a fault',
    { left: [{ path: 'x', why: 'it has more than 1 byte', wasKept: false }] },
    { state: 'fault', lastMs: 5, why: 'x is not kept: it has more than 1 byte' },
  ],
  ['a branch is named', { branch: { branch: 'b', why: 'w' } }, { state: 'branch', branch: 'b', why: 'w', lastMs: 5 }],
  [
    'what people pushed waits',
    { staged: true },
    { state: 'in-step', lastMs: 5, why: 'what people pushed waits for the end of the print' },
  ],
])('%s', (_title, change, status) => {
  expect(configStatus({ ...QUIET, ...change })).toEqual(status);
});
