import { expect, it } from 'vitest';
import { mcuPlace, mcuSections } from '../../../src/print/mcu-sections.ts';

it('has the boards of a printer.cfg, and the files that it includes', () => {
  const { mcus, includes } = mcuSections(`[include mainsail.cfg]
[include boards/*.cfg] # more
[mcu]
serial: /dev/serial/by-id/usb-Klipper_stm32f446xx_3A-if00 ; by id
#serial: /dev/ttyACM0
restart_method = command
[mcu toolhead]\r
canbus_uuid: 11aa22bb33cc\r
[mcu_like]
serial: no
[mcu  ebb ]
canbus_uuid = 11aa22bb33cd
canbus_interface = can1
[mcu]
serial = /dev/ttyAMA0
[printer]
serial: no
`);
  expect(includes).toEqual(['mainsail.cfg', 'boards/*.cfg']);
  expect([...mcus].map(([name, section]) => [name, mcuPlace(section)])).toEqual([
    ['mcu', { kind: 'serial', path: '/dev/ttyAMA0' }],
    ['toolhead', { kind: 'can', interface: 'can0', uuid: '11aa22bb33cc' }],
    ['ebb', { kind: 'can', interface: 'can1', uuid: '11aa22bb33cd' }],
  ]);
  expect(mcuPlace(new Map([['baud', '250000']]))).toBeUndefined();
});
