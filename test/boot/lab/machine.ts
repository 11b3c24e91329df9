import { expect } from 'vitest';
import { type Machine, type MachineOptions, startMachine } from '../../fixtures/vm/boot-machine.ts';

export { baseCmdline, type Machine, type MachineOptions, running } from '../../fixtures/vm/boot-machine.ts';

/** `startMachine`, with a log that is named after the test. */
export const bootMachine = (options: MachineOptions = {}): Promise<Machine> => startMachine(options, logName());

let count = 0;
function logName(): string {
  const { testPath = 'test', currentTestName = 'setup' } = expect.getState();
  count += 1;
  const file = testPath.replace(/^.*\//, '').replace(/\.test\.ts$/, '');
  return `${file}-${count}-${currentTestName}`.replace(/[^\w.-]+/g, '-').slice(0, 120);
}
