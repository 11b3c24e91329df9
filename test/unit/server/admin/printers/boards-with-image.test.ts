import { expect, it } from 'vitest';
import { boardsWith } from '../../../../../src/server/admin/printers/boards-with-image.ts';
import { createConfig, loadFiles, SHIPPED_FILES } from '../../../../fixtures/config.ts';
import { createImage } from '../../../../fixtures/image/image.ts';

const [OLD, NEW] = ['v0.12.0-1-g11111111', 'v0.13.0-0-g22222222'];
const { printers } = (
  await loadFiles({
    ...SHIPPED_FILES,
    'system/state.conf':
      'printers:\n  voron: { data: /home/pi/voron_data, user: pi }\n  ender: { data: /home/pi/ender_data, user: pi, programs: { klipper: /opt/kalico } }\n',
  })
).state;
const told = (
  klipper: Record<string, string> | undefined,
  boards: Parameters<typeof boardsWith>[1],
  known = printers,
) => {
  const { manifest } = createImage({ version: '2' });
  return boardsWith(
    { name: 'lab', version: '2', manifest: { ...manifest, ...(klipper && { klipper }) } },
    boards,
    known,
  );
};
const BOTH = { '/home/pi/klipper': NEW, '/opt/kalico': OLD };

it('each printer is compared with the Klipper in the folder that its programs name', () => {
  const boards = {
    voron: { klipper: OLD, mcus: { mcu: OLD, toolhead: NEW } },
    ender: { klipper: OLD, mcus: { mcu: OLD } },
  };
  expect(told(BOTH, boards)).toEqual([
    `mcu of voron has the firmware ${OLD}, and lab@2 Klipper ${NEW}: it may have to be flashed`,
  ]);
});

it('the only Klipper of an image is that of any printer', () => {
  expect(
    told({ '/srv/klipper': NEW }, { gone: { klipper: OLD, mcus: { mcu: OLD } } }, createConfig().state.printers),
  ).toHaveLength(1);
  expect(told({ '/a/klipper': NEW, '/b/klipper': NEW }, { gone: { klipper: OLD, mcus: { mcu: OLD } } })).toEqual([
    'lab@2 does not say which Klipper gone has there: whether its boards go with it is not known',
  ]);
});

it('a board that differs today and goes on with the same Klipper is no news', () => {
  expect(told(BOTH, { voron: { klipper: NEW, mcus: { mcu: OLD } } })).toEqual([]);
});

it('an image that was built before says nothing of it', () => {
  expect(told(undefined, { voron: { klipper: OLD, mcus: {} } })).toEqual([expect.stringContaining('does not say')]);
});
