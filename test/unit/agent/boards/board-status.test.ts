import { describe, expect, it } from 'vitest';
import { type BoardStatus, boardStatus } from '../../../../src/agent/boards/board-status.ts';
import { boardText } from '../../../../src/agent/boards/board-text.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { canState } from '../../../../src/machine/network/can-state.ts';

const BY_ID = '/dev/serial/by-id/usb-Klipper_stm32f446xx_3A0012-if00';
const CONFIG = `[include boards/*.cfg]\n[mcu]\nserial: ${BY_ID}\n`;
const VERSIONS = { klipper: 'v0.12.0-316-g1a2b3c4d', mcus: { mcu: 'v0.11.0-1-g00000001' } };
const USB = '/sys/bus/usb/devices/1-1';
type Files = NonNullable<NonNullable<Parameters<typeof memoryHost>[0]>['files']>;

const statusOf = (
  files: Files,
  talk: Parameters<typeof boardStatus>[2] = { how: 'silent', mcu: 'mcu', why: "mcu 'mcu': Unable to connect" },
) =>
  boardStatus(
    memoryHost({ files: { '/data/config/printer.cfg': CONFIG, '/data/config/boards/ebb.cfg': '', ...files } }),
    '/data',
    talk,
    VERSIONS,
  );
const CAN = '[mcu ebb]\ncanbus_uuid: 11aa22bb33cc\n';
const ebb = (files: Files) =>
  statusOf(
    { '/data/config/boards/ebb.cfg': CAN, ...files },
    { how: 'silent', mcu: 'ebb', why: "mcu 'ebb': Unable to connect" },
  );
const can0 = (flags: string, carrier: string): Files => ({
  '/sys/class/net/can0/flags': `${flags}\n`,
  '/sys/class/net/can0/carrier': `${carrier}\n`,
});

describe('a board that does not answer', () => {
  it('says nothing of the system where nothing is there: the printer may be switched off', async () => {
    expect(await statusOf({})).toMatchObject({ health: 'unknown', cause: 'absent', place: BY_ID });
    expect(await statusOf({ [BY_ID]: { target: '../../ttyACM0' } })).toMatchObject({ cause: 'absent' });
    expect(await ebb({})).toMatchObject({ health: 'unknown', cause: 'absent', place: 'can0 11aa22bb33cc' });
  });

  it('counts against the system where its USB device is there, and no port or interface of it', async () => {
    const serial = { [`${USB}/serial`]: '3A0012\n' };
    expect(await statusOf(serial)).toMatchObject({ health: 'bad', cause: 'driver' });
    expect(await statusOf({ [`${USB}/serial`]: '3A00\n' })).toMatchObject({ cause: 'absent' });
    const adapter = { [`${USB}/idVendor`]: '1d50\n', [`${USB}/idProduct`]: '606f\n' };
    expect(await ebb(adapter)).toMatchObject({ health: 'bad', cause: 'driver' });
  });

  it('says nothing where its port is there, and only it is silent', async () => {
    const port = { [BY_ID]: { target: '../../ttyACM0' }, '/dev/ttyACM0': '' };
    expect(await statusOf({ ...port, [`${USB}/serial`]: '3A0012\n' })).toMatchObject({
      ...{ health: 'unknown', cause: 'silent' },
      why: `mcu 'mcu': Unable to connect: it does not answer at ${BY_ID}`,
    });
    expect(await ebb(can0('0x400c1', '1'))).toMatchObject({ health: 'unknown', cause: 'silent' });
    expect((await ebb(can0('0x400c1', '0'))).why).toContain('can0 is bus-off');
  });

  it('counts against the system where nobody set up its interface', async () => {
    expect(await ebb(can0('0x400c0', ''))).toMatchObject({ health: 'bad', cause: 'interface' });
  });

  it('of which no config says where it is, is silent', async () => {
    const unknown = { how: 'silent', mcu: 'other', why: "mcu 'other': Unable to connect" } as const;
    expect(await statusOf({}, unknown)).toMatchObject({ health: 'unknown', cause: 'silent', mcu: 'other' });
  });
});

it('a board that answers and does not go with this Klipper counts against the system', async () => {
  const status = await statusOf({}, { how: 'protocol', why: 'MCU Protocol error' });
  expect(status).toMatchObject({ health: 'bad', cause: 'firmware' });
  expect(boardText({ ...status, sinceMs: 0 })).toBe(
    `Klipper cannot talk to its board: MCU Protocol error (mcu has v0.11.0-1-g00000001; Klipper is v0.12.0-316-g1a2b3c4d); its firmware lacks what this Klipper asks for: flash it with this Klipper (make menuconfig, make flash FLASH_DEVICE=${BY_ID}), or boot the image before`,
  );
});

it.each<[Partial<BoardStatus>, RegExp]>([
  [{ cause: 'talks', mcus: { mcu: 'v0.12.0-316-g1a2b3c4d' } }, /^Klipper talks to it \(mcu has [^:]*\)$/],
  [{ cause: 'talks' }, /they differ, which is allowed as long as it connects; flash it when it suits/],
  [{ cause: 'talks', mcus: {} }, /^Klipper talks to it$/],
  [{ cause: 'absent', why: `nothing is at ${BY_ID}` }, /nothing is at .*is the printer switched on/],
  [{ cause: 'interface', place: 'can1 11aa' }, /system\/network\.conf: interfaces: \{ can1: \{ kind: can/],
  [{ cause: 'driver' }, /the image lacks the driver/],
  [{ cause: 'refuses' }, /FIRMWARE_RESTART/],
  [{ cause: 'firmware', place: 'can0 11aa' }, /flashtool\.py/],
])('%j is told with what to do', (board, text) => {
  expect(boardText({ health: 'unknown', cause: 'talks', sinceMs: 0, ...VERSIONS, ...board })).toMatch(text);
});

it.each<[string, Files]>([
  ['missing', {}],
  ['down', can0('0x400c0', '')],
  ['bus-off', can0('0x400c1', '0')],
  ['up', can0('0x400c1', '1')],
])('a CAN interface is %s by what the kernel says', async (state, files) => {
  expect(await canState(memoryHost({ files }), 'can0')).toBe(state);
});

it('includes that lead back to themselves are read once', async () => {
  const circle = {
    '/data/config/printer.cfg': '[include a.cfg]\n',
    '/data/config/a.cfg': `[include printer.cfg]\n[mcu]\nserial: ${BY_ID}\n`,
  };
  expect(await statusOf(circle)).toMatchObject({ place: BY_ID });
});
