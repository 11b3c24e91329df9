import { describe, expect, it } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { endFacts } from '../../../../src/machine/pstore/end-facts.ts';
import { watchdogFacts } from '../../../../src/machine/watchdog/watchdog-facts.ts';

const CLASS = '/sys/class/watchdog';
const watchdog = (name: string, identity: string, bootstatus?: string) => ({
  [`${CLASS}/${name}/identity`]: `${identity}\n`,
  ...(bootstatus !== undefined && { [`${CLASS}/${name}/bootstatus`]: `${bootstatus}\n` }),
});

describe('the watchdog of a machine', () => {
  it.each([
    [
      'is the first of the hardware',
      { ...watchdog('watchdog10', 'iTCO_wdt'), ...watchdog('watchdog2', 'i6300ESB timer') },
      '/dev/watchdog2',
    ],
    [
      'is never the kernel’s own',
      { ...watchdog('watchdog0', 'Software Watchdog'), ...watchdog('watchdog1', 'iTCO_wdt') },
      '/dev/watchdog1',
    ],
    ['is none where the kernel has but its own', watchdog('watchdog0', 'Software Watchdog'), undefined],
    ['is none where there is none', {}, undefined],
  ])('%s', async (_title, files, device) => {
    expect((await watchdogFacts(memoryHost({ files })))?.device).toBe(device);
  });

  it.each([
    ['32', true],
    ['33', true],
    ['0', false],
    ['1', false],
    [undefined, false],
  ])('whose status at boot is %s has reset it: %s', async (status, hasReset) => {
    const host = memoryHost({ files: watchdog('watchdog0', 'i6300ESB timer', status) });
    expect((await endFacts(host, { warn: () => {} }))?.watchdogReset === true).toBe(hasReset);
  });
});
