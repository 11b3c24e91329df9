import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkStatectlArguments,
  kernelCommandLine,
  parseKernelArguments,
} from '../../../../src/config/command-line/kernel-cmdline.ts';
import { anyLetters } from '../../../fixtures/any-letters.ts';
import { sized } from '../../../fixtures/effort.ts';

const proc = (text: string) => kernelCommandLine([{ origin: '/proc/cmdline', text }]);
const pairs = (text: string) => parseKernelArguments(text).map(({ name, value }) => [name, value]);

/**
 * The kernel's loop again, the way C sees it: bytes in one array, ends written into it as zeros. It shares nothing with
 * the parser, and is slow and plain on purpose. ASCII and U+00A0 only, one code unit standing for one byte.
 */
function asTheKernelDoes(text: string): readonly (readonly [string, string | undefined])[] {
  const bytes = [...text.split('\0')[0]!, '\0', '\0', '\0'];
  const space = (at: number) => ' \t\n\v\f\r\u00a0'.includes(bytes[at]!);
  const cString = (at: number) => bytes.slice(at, bytes.indexOf('\0', at)).join('');
  const found: [string, string | undefined][] = [];
  let args = 0;
  while (space(args)) args++;
  while (bytes[args] !== '\0') {
    let inQuote = false;
    let quoted = false;
    let equals = 0;
    let i = 0;
    if (bytes[args] === '"') {
      args++;
      inQuote = true;
      quoted = true;
    }
    for (; bytes[args + i] !== '\0'; i++) {
      if (space(args + i) && !inQuote) break;
      if (equals === 0 && bytes[args + i] === '=') equals = i;
      if (bytes[args + i] === '"') inQuote = !inQuote;
    }
    let next = bytes[args + i] === '\0' ? args + i : args + i + 1;
    let value: number | undefined;
    if (equals !== 0) {
      bytes[args + equals] = '\0';
      value = args + equals + 1;
      if (bytes[value] === '"') {
        value++;
        if (bytes[args + i - 1] === '"') bytes[args + i - 1] = '\0';
      }
    }
    if (quoted && i > 0 && bytes[args + i - 1] === '"') bytes[args + i - 1] = '\0';
    bytes[args + i] = '\0';
    found.push([cString(args), value === undefined ? undefined : cString(value)]);
    while (space(next)) next++;
    args = next;
  }
  return found;
}

describe('parseKernelArguments', () => {
  it("reads dracut's TEST-80-GETARG line as dracut and the kernel do", () => {
    const line =
      'key1=0 key2=val key2=val2 key3="  val  3  " "  key 4  ="val4 "key  5=val  5" "key 6=""val  6" ' +
      'key7="foo"bar" baz="end "  key8  =  val 8  "\n"key 9"="val 9"';
    expect(pairs(line)).toEqual([
      ['key1', '0'],
      ['key2', 'val'],
      ['key2', 'val2'],
      ['key3', '  val  3  '],
      ['  key 4  ', 'val4'],
      ['key  5', 'val  5'],
      ['key 6', '"val  6'],
      ['key7', 'foo"bar" baz="end'],
      ['  key8  ', '  val 8  '],
      ['key 9"', 'val 9'],
    ]);
  });

  it.each([
    ['"root=LABEL=  rdinit=/bin/sh"', [['root', 'LABEL=  rdinit=/bin/sh']]],
    [
      '"root=LABEL=a b" ro',
      [
        ['root', 'LABEL=a b'],
        ['ro', undefined],
      ],
    ],
    [
      'root="LABEL=a b" ro',
      [
        ['root', 'LABEL=a b'],
        ['ro', undefined],
      ],
    ],
    ['a="never closed ro', [['a', 'never closed ro']]],
    ['"never closed=x ro', [['never closed', 'x ro']]],
    [
      "a='b c'",
      [
        ['a', "'b"],
        ["c'", undefined],
      ],
    ],
    [
      'a=b\\ c',
      [
        ['a', 'b\\'],
        ['c', undefined],
      ],
    ],
    [
      'a= b',
      [
        ['a', ''],
        ['b', undefined],
      ],
    ],
    ['a=""', [['a', '']]],
    ['a="', [['a', '']]],
    ['=a', [['=a', undefined]]],
    ['=a=b', [['=a', 'b']]],
    ['a=b=c', [['a', 'b=c']]],
    ['"x="a""', [['x', 'a"']]],
    ['""', [['', undefined]]],
    ['"', [['', undefined]]],
    [
      '\t a\u00a0b\n',
      [
        ['a', undefined],
        ['b', undefined],
      ],
    ],
    ['name=voilà', [['name', 'voilà']]],
    [
      'a -- b',
      [
        ['a', undefined],
        ['--', undefined],
        ['b', undefined],
      ],
    ],
    ['a\0b', [['a', undefined]]],
    ['', []],
    [' \n ', []],
  ])('%j is %j', (line, expected) => {
    expect(pairs(line)).toEqual(expected);
  });

  it('keeps each word as it was typed', () => {
    expect(parseKernelArguments('ro "a=b c"  d="e f"').map(({ raw }) => raw)).toEqual(['ro', '"a=b c"', 'd="e f"']);
  });

  const anyText = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', '=', '"', ' ', '-', '.', '\n', '\u00a0', '\0'), maxLength: 40 }),
    anyLetters(),
  );

  it('finds the words that the kernel finds, in any text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(pairs(text)).toEqual(asTheKernelDoes(text));
      }),
      { numRuns: sized(500, 20_000) },
    );
  });

  it('loses no letter but white space between words', () => {
    const spaces = /[\t\n\v\f\r \u00a0]/g;
    fc.assert(
      fc.property(anyText, (text) => {
        const raw = parseKernelArguments(text).map((word) => word.raw);
        expect(raw.join('').replace(spaces, '')).toBe(text.split('\0')[0]!.replace(spaces, ''));
      }),
    );
  });

  it('reads back what can be written with the one kind of quote', () => {
    const letters = fc.constantFrom('a', 'b', '-', '_', '.', '/', '=', '$', "'", '\\', 'é');
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '-', '_', '.', ' '), minLength: 1, maxLength: 6 });
    const value = fc.option(fc.string({ unit: fc.oneof(letters, fc.constantFrom(' ', '\t', '\n')), maxLength: 8 }), {
      nil: undefined,
    });
    const words = fc.array(fc.record({ name, value, whole: fc.boolean() }));
    fc.assert(
      fc.property(words, (given) => {
        const line = given.map(({ name, value, whole }) => {
          const text = value === undefined ? name : `${name}=${value}`;
          if (whole || value === undefined || name.includes(' ')) return `"${text}"`;
          return `${name}="${value}"`;
        });
        expect(pairs(line.join(' '))).toEqual(given.map(({ name, value }) => [name, value]));
      }),
    );
  });
});

describe('kernelCommandLine', () => {
  const layered = kernelCommandLine([
    { origin: '/etc/cmdline.d/10-lab.conf', text: 'statectl.server=http://baked/ ip=a quiet "open quote\n' },
    { origin: '/etc/cmdline', text: 'ip=b statectl.slot=a -- --baked\n' },
    { origin: '/proc/cmdline', text: 'statectl.server=http://typed/ ip=dhcp6 quiet=0 -- --typed "a b" x="y z"\n' },
  ]);

  it('lets the last one win, and says where it came from', () => {
    expect(layered.get('statectl.server')).toMatchObject({ value: 'http://typed/', origin: '/proc/cmdline' });
    expect(layered.get('statectl.slot')).toMatchObject({ value: 'a', origin: '/etc/cmdline' });
    expect(layered.get('statectl.image')).toBeUndefined();
    expect(layered.flag('quiet', true)).toBe(false);
  });

  it('keeps all of a list, lowest layer first', () => {
    expect(layered.all('ip').map(({ value }) => value)).toEqual(['a', 'b', 'dhcp6']);
    expect(
      proc('bridge bridge=val')
        .all('bridge')
        .map(({ value }) => value),
    ).toEqual([undefined, 'val']);
  });

  it('does not let an open quote or a -- of one layer swallow the next', () => {
    expect(layered.words.map(({ name }) => name)).toContain('open quote\n');
    expect(layered.initArguments).toEqual(['--baked', '--typed', 'a b', 'x=y z']);
    expect(layered.get('--typed')).toBeUndefined();
  });

  it('takes - and _ for the same in names, and only there', () => {
    expect(proc('statectl.no-update=a-b').get('statectl.no_update')?.value).toBe('a-b');
    expect(proc('a_b').flag('a-b', false)).toBe(true);
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
    expect(proc(line).flag('x', !expected)).toBe(expected);
  });

  it('leaves a switch that is not there at its default', () => {
    expect(proc('xx y=x').flag('x', false)).toBe(false);
    expect(proc('xx y=x').flag('x', true)).toBe(true);
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
    expect(proc(line).initArguments).toEqual(expected);
  });

  it('lets the boot menu ask for single user mode where init= is baked in', () => {
    const layers = [
      { origin: '/etc/cmdline', text: 'auto init=/sbin/init splash' },
      { origin: '/proc/cmdline', text: 'root=x foo single' },
    ];
    expect(kernelCommandLine(layers).initArguments).toEqual(['splash', 'single']);
  });

  it('gives modules their parameters and leaves out what is not for modules', () => {
    const line =
      'snd-hda-intel.power-save=0 loop.max_loop=4 usbcore.nousb loop.x="a b" statectl.server=x rd.break=mount systemd.unit=x a=b.c=d .x= modprobe.blacklist=nouveau';
    expect([...proc(line).moduleParameters]).toEqual([
      ['snd_hda_intel', ['power_save=0']],
      ['loop', ['max_loop=4', 'x="a b"']],
      ['usbcore', ['nousb']],
    ]);
  });

  it('shows all layers in one line', () => {
    expect(
      kernelCommandLine([
        { origin: 'a', text: ' x\n' },
        { origin: 'b', text: '' },
        { origin: 'c', text: 'y z\n' },
      ]).text,
    ).toBe('x y z');
  });

  it('accepts any text', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'init', '=', '"', ' ', '--', '.') })), (texts) => {
        const view = kernelCommandLine(texts.map((text, index) => ({ origin: String(index), text })));
        for (const { name } of view.words) expect(view.all(name).at(-1)).toBe(view.get(name));
      }),
    );
  });
});

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
