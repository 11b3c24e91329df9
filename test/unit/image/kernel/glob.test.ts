import { expect, it } from 'vitest';
import { patternOf } from '../../../../src/image/kernel/glob.ts';

it.each(['[z-a]', 'usb:v[9-0]p*', '*[b-a]*'])('%s, in which nothing is, matches nothing', (glob) => {
  for (const text of ['', 'z', 'a', 'usb:v9p1', glob]) expect(patternOf(glob).test(text)).toBe(false);
});

it('a set and its opposite match what they say', () => {
  expect(patternOf('pci:[0-9A]*').test('pci:A1')).toBe(true);
  expect(patternOf('pci:[!0-9]*').test('pci:1')).toBe(false);
});
