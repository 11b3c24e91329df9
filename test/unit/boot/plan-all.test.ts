import { describe, expect, it } from 'vitest';
import type { Phase } from '../../../src/boot/phase.ts';
import { planAll } from '../../../src/boot/plan-all.ts';
import type { Step } from '../../../src/machine/steps/step.ts';
import { createFacts } from '../../fixtures/facts.ts';

const write = (path: string): Step => ({ kind: 'write', path, content: path });
const phase = (name: Phase['name'], ...rounds: Phase['rounds']): Phase => ({ name, rounds });

describe('planAll', () => {
  it('lists the steps of all phases in order, and touches nothing', () => {
    const phases = [
      phase(
        'devices',
        { plan: () => [write('/1')] },
        { gather: () => Promise.reject(new Error('looked')), plan: () => [write('/2')] },
      ),
      phase('mount', { plan: () => [write('/3')] }),
    ];
    expect(
      planAll(phases, createFacts()).map(({ phase: name, step }) => `${name} ${step.kind === 'write' && step.path}`),
    ).toEqual(['devices /1', 'devices /2', 'mount /3']);
  });
});
