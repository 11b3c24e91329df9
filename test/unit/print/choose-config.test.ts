import { expect, it } from 'vitest';
import { chooseConfig } from '../../../src/print/choose-config.ts';

const BOUNDS = { fileBytes: 100, bytes: 150, files: 3 };
const choose = (files: Readonly<Record<string, number>>, apart: readonly string[] = []) => {
  const all = Object.entries(files).map(([path, sizeBytes]) => ({ path, sizeBytes }));
  const chosen = chooseConfig(all, apart, BOUNDS);
  return { files: [...chosen.files.keys()], left: Object.fromEntries(chosen.left) };
};

it('takes configs, and neither what editors and SAVE_CONFIG leave, nor repositories, nor what is another item’s', () => {
  const files = {
    'printer.cfg': 1,
    'printer.cfg~': 1,
    'printer-20261130_061706.cfg': 1,
    '.git/HEAD': 1,
    'a/.git/x': 1,
    'v.cfg': 1,
    'sub/x': 1,
  };
  expect(choose(files, ['v.cfg', 'sub'])).toEqual({ files: ['printer.cfg'], left: {} });
});

it('says of each that is too large, or too much, why', () => {
  expect(choose({ a: 101, b: 90, c: 61, d: 1, e: 1, f: 1, 'n\n': 1 })).toEqual({
    files: ['b', 'd', 'e'],
    left: {
      a: 'it has more than 100 bytes',
      c: 'the config has more than 150 bytes',
      f: 'the config has more than 3 files',
      'n\n': 'its name has a sign that cannot be shown',
    },
  });
});
