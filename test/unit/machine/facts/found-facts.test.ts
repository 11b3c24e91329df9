import { expect, test } from 'vitest';
import { withFound } from '../../../../src/machine/facts/found-facts.ts';
import { createCopy, createFacts, createOffer } from '../../../fixtures/facts.ts';

test('what a look finds no more has no key, whether it says so itself or a file does', () => {
  const facts = createFacts({ copy: createCopy(), offer: createOffer(), serversSilent: true });
  const known = withFound(facts, { offer: undefined, copy: null, offerFailure: 'nobody answered' });
  expect(Object.keys(known)).not.toEqual(expect.arrayContaining(['offer']));
  expect(Object.keys(known)).not.toEqual(expect.arrayContaining(['copy']));
  expect(known).toMatchObject({ offerFailure: 'nobody answered', serversSilent: true, machine: facts.machine });
});

test('a fact that is false, empty or nothing counts as one', () => {
  const known = withFound(createFacts(), { serversSilent: false, leases: [], probeMs: 0 });
  expect(known).toMatchObject({ serversSilent: false, leases: [], probeMs: 0 });
});
