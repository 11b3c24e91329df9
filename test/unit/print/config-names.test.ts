import { expect, it } from 'vitest';
import { backupsAmong, isPassing, pathFault } from '../../../src/print/config-names.ts';

it.each([
  '.printer.cfg.swp',
  'macros/.a.cfg.swx',
  '4913',
  'printer.cfg~',
  '#printer.cfg#',
  '.moonraker.conf.bkp',
  'printer_autosave.cfg',
  'printer-20261130_061706.cfg',
  '.statectl-new',
])('%s is no state', (path) => expect(isPassing(path, new Set([path]))).toBe(true));

it.each([
  'printer.cfg',
  'KlipperScreen.conf',
  '.theme/custom.css',
  'my_autosave.cfg',
  'klicky-20261130_061706.cfg',
  'printer-2026.cfg',
])('%s is state', (path) => expect(isPassing(path, new Set([path]))).toBe(false));

it('of another main config the backups are none either', () => {
  expect(isPassing('a/left-20261130_061706.cfg', new Set(['a/left.cfg']))).toBe(true);
  expect(isPassing('left_autosave.cfg', new Set(['left.cfg']))).toBe(true);
});

it('backups are named by when they were made, the newest first', () => {
  const names = ['printer-20261129_000000.cfg', 'x-20261130_000000.cfg', 'printer-20261130_000000.cfg', 'printer.cfg'];
  expect(backupsAmong(names)).toEqual(['printer-20261130_000000.cfg', 'printer-20261129_000000.cfg']);
});

it.each([
  ['..', /no path/],
  ['a/../b', /no path/],
  ['/etc/passwd', /no path/],
  ['a//b', /no path/],
  ['', /no path/],
  ['a\nb', /cannot be shown/],
  ['a\u202eb', /cannot be shown/],
  ['a\ufffd', /cannot be shown/],
  ['\ud800', /cannot be shown/],
  ['.git/hooks/post-receive', /of git/],
  ['a/.GIT', /of git/],
  ['.gitmodules', /of git/],
  ['GIT~1/config', /of git/],
  ['a\\b', /backslash/],
  ['x'.repeat(256), /255 bytes/],
  [`${'ä'.repeat(128)}`, /255 bytes/],
  [Array(6).fill('x'.repeat(200)).join('/'), /1024 bytes/],
])('no path of a config is as %j', (path, why) => expect(pathFault(path)).toMatch(why));

it.each(['printer.cfg', 'x'.repeat(255), 'mit Leerzeichen/ä.cfg', 'common/a.cfg', '.theme/a.css', 'a"b'])(
  '%s is a path of a config',
  (path) => expect(pathFault(path)).toBeUndefined(),
);
