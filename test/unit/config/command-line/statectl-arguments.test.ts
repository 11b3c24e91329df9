import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../../../src/config/command-line/command-line.ts';
import { checkStatectlArguments } from '../../../../src/config/command-line/statectl-arguments.ts';

const proc = (text: string) => parseCommandLine([{ origin: '/proc/cmdline', text }]);

describe('checkStatectlArguments', () => {
  const known = ['statectl.server', 'statectl.rescue', 'statectl.no_update'];

  it('suggests the argument that was meant', () => {
    expect(checkStatectlArguments(proc('statectl.sever=http://x/'), known)).toEqual([
      {
        name: 'statectl.sever',
        origin: '/proc/cmdline',
        suggestion: 'statectl.server',
        message: '/proc/cmdline: unknown kernel argument statectl.sever: did you mean statectl.server?',
      },
    ]);
  });

  it('notices a misspelt prefix', () => {
    expect(checkStatectlArguments(proc('statctl.rescue'), known)).toMatchObject([{ suggestion: 'statectl.rescue' }]);
  });

  it('says that an argument nobody knows is ignored', () => {
    expect(checkStatectlArguments(proc('statectl.colour=red'), known)[0]).toMatchObject({
      suggestion: undefined,
      message: '/proc/cmdline: unknown kernel argument statectl.colour: it is ignored',
    });
  });

  it('is content with known arguments, other prefixes and what belongs to init', () => {
    const line =
      'statectl.server=x statectl.no-update rd.break systemd.unit=x loop.max_loop=1 statectl ro -- statectl.sever=x';
    expect(checkStatectlArguments(proc(line), known)).toEqual([]);
  });
});
