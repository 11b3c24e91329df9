import fc from 'fast-check';
import { readEvents } from '../../src/agent/servers/event-stream.ts';
import type { ConfigFault } from '../../src/config/check/fault.ts';
import {
  allArguments,
  getArgument,
  initArguments,
  parseCommandLine,
} from '../../src/config/command-line/command-line.ts';
import { parseIpArgument } from '../../src/config/command-line/ip-argument.ts';
import {
  parseBond,
  parseBridge,
  parseNameserver,
  parseRoute,
  parseVlan,
} from '../../src/config/command-line/link-arguments.ts';
import { expandHostlist, foldHostlist } from '../../src/config/nodes/hostlist.ts';
import { checkTemplates } from '../../src/config/templates/render.ts';
import { templateSet } from '../../src/config/templates/template-set.ts';
import { parsePath, plainOf } from '../../src/config/tree/tree.ts';
import { readYaml } from '../../src/config/tree/yaml-file.ts';
import { readElf } from '../../src/image/elf/elf.ts';
import { readCpio } from '../../src/image/initramfs/cpio/cpio-read.ts';
import { readClaims } from '../../src/protocol/claims.ts';
import { readVariables } from '../../src/protocol/variables/variables-file.ts';
import { planTransfer } from '../../src/server/limits/transfer.ts';
import { machineFromQuery } from '../../src/server/machine.ts';
import { machineIdOf, parseReport } from '../../src/server/reports/reports.ts';
import { unpackMembers } from '../../src/signed/bundle/archive.ts';
import { parseBundleManifest } from '../../src/signed/bundle/manifest.ts';
import { parseManifest } from '../../src/signed/image-manifest.ts';
import { anyLetters } from '../fixtures/any-letters.ts';

/** A parser of what others wrote. `read` may throw a StatectlError, and nothing else; `false` is a find too. */
export interface Target {
  readonly name: string;
  readonly inputs: fc.Arbitrary<string | Uint8Array>;
  readonly read: (input: never) => unknown;
}

/** Texts of the pieces that a grammar is made of, some again and again, some of any bytes. */
const textOf = (...pieces: readonly string[]): fc.Arbitrary<string> => {
  const piece = fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...pieces) },
    { weight: 2, arbitrary: anyLetters({ maxLength: 8 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'constructor',
        '__proto__',
        'toString',
        '\0',
        '\uFEFF',
        '\u2028',
        '99999999999999999999',
      ),
    },
  );
  const few = fc.array(piece, { maxLength: 40 }).map((all) => all.join(''));
  const again = fc
    .tuple(few, piece, fc.constantFrom(10, 1_000, 20_000), few)
    .map(([head, one, times, tail]) => `${head}${one.repeat(times)}${tail}`.slice(0, 200_000));
  return fc.oneof({ weight: 8, arbitrary: few }, { weight: 1, arbitrary: again });
};

/** A file of a format with some bytes changed, cut or doubled. */
const damagedOf = (...files: readonly Buffer[]): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      fc.constantFrom(...files),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 12 }),
      fc.nat(),
      fc.boolean(),
    )
    .map(([file, changes, cut, isCut]) => {
      const bytes = Buffer.from(file);
      for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
      return isCut ? bytes.subarray(0, cut % (bytes.length + 1)) : bytes;
    });

const CPIO = Buffer.from(
  `070701${'00000001'}${'000081a4'}${'00000000'.repeat(2)}${'00000001'}${'00000000'}${'00000004'}${'00000000'.repeat(4)}${'00000002'}${'00000000'}a\0data` +
    `070701${'00000000'.repeat(4)}${'00000001'}${'00000000'.repeat(6)}${'0000000b'}${'00000000'}TRAILER!!!\0\0\0\0`,
);
const ELF = Buffer.concat([Buffer.from('7f454c46020101000000000000000000', 'hex'), Buffer.alloc(240, 1)]);

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += 1_000) yield Buffer.from(text.slice(at, at + 1_000));
}

const IP = [
  '10.0.0.1',
  'eth0',
  ':',
  '::',
  '[',
  ']',
  'fd00::1',
  '/24',
  '255.255.255.0',
  'dhcp',
  'none',
  'ibft',
  ',',
  '0x1',
  'bond0',
  '=',
  '-',
  '1500',
];

const VARIABLES =
  "[Variables]\n|x = |y: |1|-|.5|e9|j|0x|'|\"|'''|b'|\\x|\\|[|]|{|}|(|)|,|: |None|set()|inf|print(|#|;|%%|%(x)s|%|\n|\n  | |\r|é".split(
    '|',
  );

export const TARGETS: readonly Target[] = [
  {
    name: 'hostlist',
    inputs: textOf('n', 'print', '[', ']', ',', '-', '1', '01', '99999', '1-3', ' ', '.'),
    read: (text: string) => foldHostlist(expandHostlist(text)),
  },
  {
    name: 'yaml',
    inputs: textOf(
      'a',
      ': ',
      '\n',
      '  ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      ', ',
      '"',
      "'",
      '&x ',
      '*x',
      '!replace ',
      '~a',
      '|',
      '>',
      '#',
      '? ',
      '0x1F',
      '1.10',
      '---\n',
      '\t',
      '<<',
    ),
    read: (text: string) => plainOf(readYaml(text, 'x.conf', 'file', [] as ConfigFault[])),
  },
  {
    name: 'template',
    inputs: textOf(
      '---\n',
      'path: /x\n',
      'each: ',
      '{{ ',
      ' }}',
      '{% ',
      ' %}',
      'for a in b',
      'if ',
      'endif',
      'endfor',
      ' | ',
      'x.y',
      '"',
      'render "t"',
      '(1..9)',
      'assign x = 1',
      'raw',
      'liquid\n',
    ),
    read: (text: string) => checkTemplates(templateSet([['t', text]])),
  },
  {
    name: 'kernel command line',
    inputs: textOf('a', '=', '"', ' ', '--', 'init=/x', 'statectl.set=', 'mod.param=1', '.', '-', '_', '\t', 'ro'),
    read: (text: string) => {
      const line = parseCommandLine([{ origin: '/proc/cmdline', text }]);
      return [getArgument(line, 'a'), allArguments(line, 'mod.param'), initArguments(line)];
    },
  },
  { name: 'ip=', inputs: textOf(...IP), read: (text: string) => parseIpArgument(text) },
  { name: 'vlan=', inputs: textOf(...IP), read: (text: string) => parseVlan(text) },
  { name: 'bond=', inputs: textOf(...IP), read: (text: string) => parseBond(text) },
  { name: 'bridge=', inputs: textOf(...IP), read: (text: string) => parseBridge(text) },
  { name: 'rd.route=', inputs: textOf(...IP), read: (text: string) => parseRoute(text) },
  { name: 'nameserver=', inputs: textOf(...IP), read: (text: string) => parseNameserver(text) },
  {
    name: 'path of a setting',
    inputs: textOf('a', '.', '"', '\\', '\\u12', '/etc', ' ', '[0]'),
    read: (text: string) => parsePath(text),
  },
  {
    name: 'claims',
    inputs: textOf('52:54:00:12:34:56', 'mac', ',', '=', 'room=b', '-', '0', 'f', 'pc_07', '.', '%', 'x86_64'),
    read: (text: string) => {
      const { claims } = readClaims({
        mac: text,
        uuid: text,
        serial: text,
        hostname: text,
        arch: text,
        labels: text,
        macs: text,
      });
      return readClaims(claims).odd.length === 0 && machineFromQuery({ hostname: text, serial: text }) !== undefined;
    },
  },
  {
    name: 'report',
    inputs: textOf(
      '{',
      '}',
      '"mac"',
      ':',
      '"52:54:00:12:34:56"',
      ',',
      '"uuid"',
      '"image"',
      '"a@b@c"',
      '[',
      ']',
      'null',
      '1e999',
      '"id"',
      '""',
    ),
    read: (text: string) => machineIdOf(parseReport(jsonOf(text))),
  },
  {
    name: 'manifest',
    inputs: textOf(
      '{',
      '}',
      '"format"',
      ':',
      '1',
      ',',
      '"name"',
      '"files"',
      '"root"',
      '"sha256"',
      '[',
      ']',
      'null',
      '"x"',
    ),
    read: (text: string) => parseManifest(text),
  },
  {
    name: 'manifest of a bundle',
    inputs: textOf(
      '{',
      '}',
      '"format"',
      ':',
      '1',
      ',',
      '"entries"',
      '"machine"',
      '"settings"',
      '[',
      ']',
      'null',
      '"x"',
    ),
    read: (text: string) => parseBundleManifest(text),
  },
  {
    name: 'bundle',
    inputs: fc.oneof(
      fc.uint8Array({ maxLength: 2_000 }),
      damagedOf(Buffer.from('28b52ffd0458', 'hex'), Buffer.alloc(1024)),
    ),
    read: (bytes: Uint8Array) => unpackMembers(bytes),
  },
  {
    name: 'cpio',
    inputs: damagedOf(CPIO, Buffer.concat([CPIO, CPIO])),
    read: (bytes: Uint8Array) => readCpio(Buffer.from(bytes)),
  },
  { name: 'ELF', inputs: damagedOf(ELF), read: (bytes: Uint8Array) => readElf(bytes) },
  {
    name: 'events',
    inputs: textOf('data: ', 'event: ', 'id: ', ':', '\n', '\r\n', '\n\n', '{}', '"x"', '1'),
    read: async (text: string) => {
      for await (const _ of readEvents(chunksOf(text)));
    },
  },
  {
    name: 'range',
    inputs: textOf('bytes=', '0', '-', ',', '9', ' ', 'W/', '"x"', '*'),
    read: (text: string) => [
      planTransfer({ method: 'GET', headers: { range: text } }, '"x"', 100),
      planTransfer({ method: 'GET', headers: { 'if-none-match': text, 'if-range': text } }, '"x"', 100),
    ],
  },
  {
    name: 'saved variables',
    inputs: fc.oneof(
      textOf(...VARIABLES),
      textOf(...VARIABLES).map((text) => `[Variables]\nx = ${text}`),
    ),
    read: (text: string) => {
      const { literals, unreadable } = readVariables(Buffer.from(text), 'variables.cfg');
      // What was taken is taken again, whatever is around it.
      const again = readVariables(
        Buffer.from(
          `[Variables]\n${[...literals].map(([name, one]) => `${name} = ${one.replaceAll('\n', '\n\t')}\n`).join('')}`,
        ),
        'again.cfg',
      );
      return (
        [...literals.keys()].every((name) => again.literals.has(name)) && unreadable.every((name) => literals.has(name))
      );
    },
  },
];

/** What is no JSON reaches no parser of reports. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { mac: text, uuid: text, image: text, id: text };
  }
}
