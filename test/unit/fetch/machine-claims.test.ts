import { describe, expect, it } from 'vitest';
import { machineClaims, oddClaims } from '../../../src/fetch/machine-claims.ts';
import { createFacts, createInterface, createLease, createMachineFacts } from '../../fixtures/facts.ts';

describe('what a machine says of itself', () => {
  it('has the name of the lease that has one, and nothing that no machine is known by', () => {
    const facts = createFacts({
      network: {
        leases: [createLease({ device: 'eth9' }), createLease({ hostname: 'print01' })],
        interfaces: [createInterface(), createInterface({ name: 'ib0', mac: `80:00:02:08${':fe'.repeat(16)}` })],
      },
      machine: createMachineFacts({ serial: '\u0007' }),
    });
    expect(machineClaims(facts)).toMatchObject({ hostname: 'print01', macs: '52:54:00:12:34:56' });
    expect(oddClaims(facts)).toEqual([expect.stringMatching(/^serial .* cannot be read: it counts as not said$/)]);
  });
});
