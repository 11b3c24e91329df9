import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { formatFault } from '../../../src/config/check/fault.ts';
import { readConfigDir } from '../../../src/config/config-dir.ts';
import { CLAIMS, type Claims, readClaims } from '../../../src/protocol/claims.ts';
import { isJunkUuid, isPlaceholder } from '../../../src/protocol/junk-identity.ts';
import { anyLetters } from '../../fixtures/any-letters.ts';
import { configHost } from '../../fixtures/config.ts';
import { sized } from '../../fixtures/effort.ts';

const GOOD: Claims = {
  mac: '52:54:00:12:34:56',
  uuid: '4c4c4544-0042-3510-8052-b4c04f4e4d32',
  serial: 'PF0ABC12',
  hostname: 'print01',
  arch: 'x86_64',
  labels: 'room=b12',
  macs: '52:54:00:12:34:57',
};

describe('what a machine says of itself', () => {
  it.each([
    ['hostname', 'pc_07', 'pc_07'],
    ['hostname', 'PC-07.Lab', 'pc-07.lab'],
    ['hostname', 'a b', undefined],
    ['hostname', '\u0444', undefined],
    ['hostname', 'x'.repeat(254), undefined],
    ['serial', 'S\u00e9rie 7', undefined],
    ['serial', 'a\u001b[31m', undefined],
    ['uuid', 'none', undefined],
    ['uuid', 'Not Settable', undefined],
    ['mac', '80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:0a:0b:0c', undefined],
    ['mac', '00:00:00:00:00:00', undefined],
    ['mac', 'ff:ff:ff:ff:ff:ff', undefined],
    ['mac', '01-52-54-00-12-34-56', '52:54:00:12:34:56'],
    ['arch', 'x86 64', undefined],
    ['labels', 'room=b12,none,row=3', 'room=b12,row=3'],
    ['macs', '52:54:00:12:34:58,80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:0a:0b:0c,,x', '52:54:00:12:34:58'],
  ] as const)('%s %j counts as %j', (claim, text, normal) => {
    expect(readClaims({ [claim]: text }).claims[claim]).toBe(normal);
  });

  it('is told once where it cannot be read, and in letters that do nothing', () => {
    expect(readClaims({ hostname: 'pc 07', serial: '\u001b[2J\u009b' }).odd).toEqual([
      'serial "\\u001b[2J\\u009b" cannot be read: it counts as not said',
      'hostname "pc 07" cannot be read: it counts as not said',
    ]);
    expect(readClaims({ macs: '52:54:00:12:34:58,x' }).odd).toHaveLength(1);
    expect(readClaims({ hostname: 'x'.repeat(10_000) }).odd[0]?.length).toBeLessThan(200);
  });

  it('is not told where it says nothing', () => {
    expect(
      readClaims({ mac: '', uuid: 'None', serial: 'To be filled by O.E.M.', hostname: ' ', labels: '', macs: ',,' })
        .odd,
    ).toEqual([]);
  });

  it('whatever bytes are in one claim, the others are what they were', () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array).toString('latin1'));
    const text = fc.oneof(
      bytes,
      anyLetters({ maxLength: 300 }),
      fc.constant('x'.repeat(10_000)),
      fc.constant('a,'.repeat(5_000)),
    );
    fc.assert(
      fc.property(fc.constantFrom(...CLAIMS), text, (claim, odd) => {
        const { [claim]: own, ...read } = readClaims({ ...GOOD, [claim]: odd }).claims;
        const { [claim]: _, ...expected } = readClaims({ ...GOOD, [claim]: '' }).claims;
        // The one that it boots from is none of its others.
        if (claim !== 'mac') expect(read).toEqual(expected);
        expect(own === undefined || own.length <= 4096).toBe(true);
      }),
      { numRuns: sized(200, 10_000) },
    );
  });

  it('is the same for a server that reads again what the machine read', () => {
    const piece = fc.constantFrom(
      '52:54:00:12:34:56',
      '525400ABCD56',
      'x=1',
      'room=B',
      'a',
      ',',
      ' ',
      '_',
      '.',
      '-',
      '=',
      '0',
      '\u00e9',
      'PC',
      '01-52-54-00-00-00-09',
      'ffff',
    );
    const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.record(Object.fromEntries(CLAIMS.map((claim) => [claim, text]))), (said) => {
        const once = readClaims(said).claims;
        expect(readClaims(once)).toEqual({ claims: once, odd: [] });
      }),
      { numRuns: sized(200, 10_000) },
    );
  });
});

test.each([
  '00020003-0004-0005-0006-000700080009',
  '03000200-0400-0500-0006-000700080009',
  '12345678-1234-5678-90ab-cddeefaabbcc',
  '4c4c4544-0000-2010-8020-80c04f202020',
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  'fefefefe-fefe-fefe-fefe-fefefefefefe',
  '5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a5a',
  '11111111-2222-3333-4444-555555555555',
  '01234567-89ab-cdef-0123-456789abcdef',
  'deadbeef-dead-beef-dead-beefdeadbeef',
  '00010203-0405-0607-0809-0a0b0c0d0e0f',
  '4c4c4544-0020-2010-8020-a0c04f202020',
])('UUID %s is that of many boards', (uuid) => {
  expect(isJunkUuid(uuid)).toBe(true);
});

test.each([
  '4c4c4544-0042-3510-8052-b4c04f4e4d32',
  '00000000-0000-0000-0000-0cc47a123456',
  'ffffffff-ffff-ffff-ffff-0cc47a123456',
  '564d1f2a-8c3b-4e5d-9f60-7a8b9c0d1e2f',
  '11111111-2222-3333-4444-000000000008',
  '00000000-0000-4000-8000-000000000123',
])('UUID %s is that of one machine', (uuid) => {
  expect(isJunkUuid(uuid)).toBe(false);
});

test('no UUID of chance is junk', () => {
  fc.assert(
    fc.property(fc.uuid({ version: [1, 4] }), (uuid) => isJunkUuid(uuid) === false),
    {
      numRuns: sized(5_000, 100_000),
      // Small and large values are tried first, which chance makes never.
      unbiased: true,
    } as never,
  );
});

test.each([
  'Chassis Serial Number',
  '1234567890',
  '0123456789',
  'xxxxxxxx',
  'NA',
  'N/A',
  'Not Specified',
  'To Be Filled By O.E.M.',
  'Default string',
  '00000000',
  '........',
  '  ',
  'System Serial Number',
  'SN1234567890',
  'Base Board Serial Number',
  '987654321',
  'None',
  'INVALID',
  'Not Provided',
  'OEM',
  'empty',
  'FFFFFFFF',
  '---',
  'Serial#',
  '0',
  '123456789abcdef',
  'Asset-1234567890',
  'To be filled by O.E.M',
  'Unknown',
  'TBD',
])('serial number "%s" is that of many machines', (text) => {
  expect(isPlaceholder(text)).toBe(true);
});

test.each([
  'PF0ABC12',
  '7XK',
  '10000000abcd',
  'VMware-56 4d 1f 2a',
  'CZC1234567',
  '0012',
  'A1',
  '2UA0',
  'GM0123',
  'Parallels-AB 12',
  '5CD1234XYZ',
  '1',
])('serial number "%s" is that of one', (text) => {
  expect(isPlaceholder(text)).toBe(false);
});

describe('config check refuses what no machine can have', () => {
  it.each([
    ['match: {}', 'a match needs a selector'],
    ['match: { labels: {} }', 'a match needs a selector'],
    ['group: g\nmatch: {}', 'a match needs a selector'],
    ['match: { hostname: "*" }', 'expected a host name'],
    ['match: { hostname: "" }', 'expected a host name'],
    ['match: { hostname: "a b" }', 'expected a host name'],
    ['match: { arch: sparc9000 }', 'is no architecture'],
    ['match: { arch: x86-64 }', 'did you mean x86_64?'],
    ['match: { mac: 00:00:00:00:00:00 }', 'the address of no card'],
    ['match: { mac: ff:ff:ff:ff:ff:ff }', 'the address of no card'],
    ['match: { mac: [52:54:00:00:00:01, 01:00:5e:00:00:01] }', 'the address of no card'],
    ['match: { mac: [] }', 'at least one MAC address'],
    ['node: n[1-2]\nmacs: { n1: 33:33:00:00:00:01 }', 'the address of no card'],
    ['match: { uuid: 00000000-0000-0000-0000-000000000000 }', 'it tells none apart'],
    ['match: { uuid: none }', 'expected a UUID'],
    ['match: { serial: "Default string" }', 'expected a serial number'],
    ['match: { serial: "S\u00e9rie" }', 'expected a serial number'],
    ['match: { labels: { "a b": x } }', 'expected NAME=VALUE'],
    ['match: { labels: { room: "a,b" } }', 'expected NAME=VALUE'],
  ])('%j', async (text, fault) => {
    const { faults } = await readConfigDir(configHost({ 'nodes/x.conf': text }), '/config.d');
    expect(faults.map(formatFault).join('\n')).toContain(fault);
  });

  it.each([
    'match: { hostname: PC_07 }',
    'match: { arch: arm64 }',
    'match: { serial: 0012 }',
    'match: { labels: { room: "" } }',
    'node: pc_07',
  ])('and takes %j', async (text) => {
    expect((await readConfigDir(configHost({ 'nodes/x.conf': text }), '/config.d')).faults).toEqual([]);
  });
});
