import { expect, test } from 'vitest';
import { identityOf } from '../../../src/protocol/machine-identity.ts';
import { parseSelector, selectorsOf, writeSelector } from '../../../src/server/images/selector.ts';
import { machineFromQuery, machineQuery, runsOn } from '../../../src/server/machine.ts';

test('what iPXE leaves empty counts as not said', () => {
  expect(machineFromQuery({ mac: '', uuid: '', serial: ' ', arch: 'x86_64' })).toEqual({ arch: 'x86_64' });
});

test('a UUID that a maker put on every board says nothing', () => {
  const query = { uuid: '00000000-0000-0000-0000-000000000000', arch: 'arm64' };
  expect(machineFromQuery(query)).toEqual({ arch: 'aarch64' });
  expect(machineFromQuery({ uuid: 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF' })).toEqual({});
  expect(machineFromQuery({ uuid: '00000000-0000-0000-0000-0CC47A123456' }).uuid).toBe(
    '00000000-0000-0000-0000-0cc47a123456',
  );
  expect(() => parseSelector('uuid=00000000-0000-0000-0000-000000000000')).toThrow('is not a uuid');
});

test('a value that cannot be counts as not said, and one given twice is refused', () => {
  expect(machineFromQuery({ mac: 'nonsense', arch: 'x86_64' })).toEqual({ arch: 'x86_64' });
  expect(() => machineFromQuery({ mac: ['52:54:00:ab:cd:56', '52:54:00:ab:cd:57'] })).toThrow('more than once');
});

test('a machine asks again with what it said before', () => {
  const machine = { mac: '52:54:00:ab:cd:56', serial: 'A&B #1' };
  const query = machineQuery(machine);
  expect(query).toBe('mac=52:54:00:ab:cd:56&serial=A%26B%20%231');
  expect(machineFromQuery(Object.fromEntries(new URLSearchParams(query)))).toEqual(machine);
});

test('a machine has several cards, the one that it boots from first; iPXE names none for those that are not there', () => {
  const machine = machineFromQuery({
    mac: '52-54-00-ab-cd-56',
    macs: '52-54-00-AB-CD-56,525400abcd58,,52-54-00-ab-cd-57',
  });
  expect(machine).toEqual({ mac: '52:54:00:ab:cd:56', macs: '52:54:00:ab:cd:57,52:54:00:ab:cd:58' });
  expect(identityOf(machine).macs).toEqual(['52:54:00:ab:cd:56', '52:54:00:ab:cd:57', '52:54:00:ab:cd:58']);
  expect(machineFromQuery(Object.fromEntries(new URLSearchParams(machineQuery(machine))))).toEqual(machine);
  expect(machineFromQuery({ mac: '525400abcd56', macs: '52-54-00-ab-cd-56,,,' })).toEqual({ mac: '52:54:00:ab:cd:56' });
  expect(machineFromQuery({ macs: '52:54:00:ab:cd:56,x' })).toEqual({ macs: '52:54:00:ab:cd:56' });
  const many = Array.from({ length: 33 }, (_, at) => `5254000000${at + 10}`);
  expect(machineFromQuery({ macs: many.join(',') }).macs?.split(',')).toHaveLength(32);
});

test('an image is chosen by any card, by the one that it boots from first', () => {
  expect(selectorsOf({ mac: '52:54:00:ab:cd:56', macs: '52:54:00:ab:cd:57', arch: 'x86_64' })).toEqual([
    'mac=52:54:00:ab:cd:56',
    'mac=52:54:00:ab:cd:57',
    'arch=x86_64',
  ]);
  expect(() => parseSelector('macs=525400abcd56')).toThrow('selects nothing');
});

test('a 32-bit iPXE does not keep a PC from a 64-bit image, another processor does', () => {
  expect(runsOn('x86_64', { arch: 'i386' })).toBe(true);
  expect(runsOn('x86_64', {})).toBe(true);
  expect(runsOn('x86_64', { arch: 'aarch64' })).toBe(false);
});

test('selectors have one form however they are typed', () => {
  expect(writeSelector(parseSelector('MAC=5254.00AB.CD56'))).toBe('mac=52:54:00:ab:cd:56');
  expect(writeSelector(parseSelector('arch=amd64'))).toBe('arch=x86_64');
  expect(writeSelector(parseSelector('serial=PF0=X'))).toBe('serial=PF0=X');
});

test.each(['mac', '=x', 'name=lab1', 'mac='])('%j selects nothing', (text) => {
  expect(() => parseSelector(text)).toThrow();
});
