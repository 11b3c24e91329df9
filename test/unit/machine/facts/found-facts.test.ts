import { expect, test } from 'vitest';
import { withFound } from '../../../../src/machine/facts/found-facts.ts';
import { createCopy, createFacts, createOffer } from '../../../fixtures/facts.ts';

test('what a look finds no more has no key, whether it says so itself or a file does', () => {
  const facts = createFacts({ root: { copy: createCopy(), offer: createOffer() }, servers: { silent: true } });
  const known = withFound(facts, { root: { offer: undefined, copy: null, offerFailure: 'nobody answered' } });
  expect(known.root).not.toHaveProperty('offer');
  expect(known.root).not.toHaveProperty('copy');
  expect(known).toMatchObject({
    root: { offerFailure: 'nobody answered', tree: facts.root.tree },
    servers: { silent: true },
    machine: facts.machine,
  });
});

test('a fact that is false, empty or nothing counts as one', () => {
  const known = withFound(createFacts(), { servers: { silent: false, probeMs: 0 }, network: { leases: [] } });
  expect(known).toMatchObject({
    servers: { silent: false, probeMs: 0 },
    network: { leases: [], interfaces: [{ name: 'eth0' }] },
  });
});
