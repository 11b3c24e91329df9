import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allArguments,
  flagArgument,
  getArgument,
  initArguments,
  parseCommandLine,
} from '../../../../src/config/command-line/command-line.ts';

const proc = (text: string) => parseCommandLine([{ origin: '/proc/cmdline', text }]);

describe('the kernel command line', () => {
  const layered = parseCommandLine([
    { origin: '/etc/cmdline.d/10-lab.conf', text: 'statectl.server=http://baked/ ip=a quiet "open quote\n' },
    { origin: '/etc/cmdline', text: 'ip=b statectl.slot=a -- --baked\n' },
    { origin: '/proc/cmdline', text: 'statectl.server=http://typed/ ip=dhcp6 quiet=0 -- --typed "a b" x="y z"\n' },
  ]);

  it('lets the last one win, and says where it came from', () => {
    expect(getArgument(layered, 'statectl.server')).toMatchObject({ value: 'http://typed/', origin: '/proc/cmdline' });
    expect(getArgument(layered, 'statectl.slot')).toMatchObject({ value: 'a', origin: '/etc/cmdline' });
    expect(getArgument(layered, 'statectl.image')).toBeUndefined();
    expect(flagArgument(layered, 'quiet', true)).toBe(false);
  });

  it('keeps all of a list, lowest layer first', () => {
    expect(allArguments(layered, 'ip').map(({ value }) => value)).toEqual(['a', 'b', 'dhcp6']);
    expect(allArguments(proc('bridge bridge=val'), 'bridge').map(({ value }) => value)).toEqual([undefined, 'val']);
  });

  it('does not let an open quote or a -- of one layer swallow the next', () => {
    expect(layered.words.map(({ name }) => name)).toContain('open quote\n');
    expect(initArguments(layered)).toEqual(['--baked', '--typed', 'a b', 'x=y z']);
    expect(getArgument(layered, '--typed')).toBeUndefined();
  });

  it('takes - and _ for the same in names, and only there', () => {
    expect(getArgument(proc('statectl.no-update=a-b'), 'statectl.no_update')?.value).toBe('a-b');
    expect(flagArgument(proc('a_b'), 'a-b', false)).toBe(true);
  });

  it.each([
    ['x', true],
    ['x=', true],
    ['x=1', true],
    ['x=yes', true],
    ['x=on', true],
    ['x=0', false],
    ['x=no', false],
    ['x=off', false],
    ['x=False', false],
    ['x=0 x', true],
    ['x x=1 x=0', false],
  ])('%s switches to %s', (line, expected) => {
    expect(flagArgument(proc(line), 'x', !expected)).toBe(expected);
  });

  it('leaves a switch that is not there at its default', () => {
    expect(flagArgument(proc('xx y=x'), 'x', false)).toBe(false);
    expect(flagArgument(proc('xx y=x'), 'x', true)).toBe(true);
  });

  it.each([
    ['BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet single 3 -b', ['single', '3', '-b']],
    ['s S emergency auto 10 singles', ['s', 'S', 'emergency', 'auto']],
    ['single=1 root=x', []],
    ['single -- --log-level=debug "a b"', ['single', '--log-level=debug', 'a b']],
    ['single init=/bin/bash console=ttyS0 a=b c BOOT_IMAGE=x', ['a=b', 'c']],
    ['init=/bin/sh root=/dev/sda1 ro quiet statectl.server=x -- -c "echo hi"', ['-c', 'echo hi']],
    ['init=/bin/a one init=/bin/b two', ['two']],
    ['-- a -- b', ['a']],
    ['"--" a', ['a']],
    ['init', []],
  ])('%s gives init %j', (line, expected) => {
    expect(initArguments(proc(line))).toEqual(expected);
  });

  it('lets the boot menu ask for single user mode where init= is baked in', () => {
    const layers = [
      { origin: '/etc/cmdline', text: 'auto init=/sbin/init splash' },
      { origin: '/proc/cmdline', text: 'root=x foo single' },
    ];
    expect(initArguments(parseCommandLine(layers))).toEqual(['splash', 'single']);
  });

  it('accepts any text', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'init', '=', '"', ' ', '--', '.') })), (texts) => {
        const view = parseCommandLine(texts.map((text, index) => ({ origin: String(index), text })));
        for (const { name } of view.words) expect(allArguments(view, name).at(-1)).toBe(getArgument(view, name));
        expect(JSON.parse(JSON.stringify(view))).toStrictEqual(view);
      }),
    );
  });
});
