import { expect, it } from 'vitest';
import { mcuTalk } from '../../../src/print/mcu-talk.ts';

/** Each as klippy 84104bb has it, or one before. */
const PROTOCOL = `MCU Protocol error

This is frequently caused by running an older version of the
firmware on the MCU(s). Fix by recompiling and flashing the
firmware.

Your Klipper version is: v0.12.0
MCU(s) which should be updated:
mcu: Current version v0.11.0
Up-to-date MCU(s):
<none>

Once the underlying issue is corrected, use the "RESTART"
command to reload the config and restart the host software.

mcu 'mcu': Unknown command: config_stepper oid=%c`;
const AT_CONNECT =
  '\nOnce the underlying issue is corrected, use the\n"FIRMWARE_RESTART" command\nError configuring printer\n';

it.each([
  ['ready', 'Printer is ready', 'talks', undefined],
  ['error', PROTOCOL, 'protocol', undefined],
  ['error', 'Protocol error', 'protocol', undefined],
  ['error', `mcu 'mcu': Unable to connect${AT_CONNECT}`, 'silent', 'mcu'],
  ['error', `mcu 'tool head'`, undefined, undefined],
  ['error', `mcu 'toolhead': Serial connection closed${AT_CONNECT}`, 'silent', 'toolhead'],
  ['error', `Timeout on wait for 'clock' response${AT_CONNECT}`, 'silent', undefined],
  ['error', `MCU 'mcu' error during config: Move queue overflow${AT_CONNECT}`, 'refuses', 'mcu'],
  ['error', `Failed automated reset of MCU 'mcu'${AT_CONNECT}`, 'refuses', 'mcu'],
  ['error', "Section 'probe2' is not a valid config section\n", undefined, undefined],
  ['error', "Option 'serial' in section 'mcu' must be specified\n", undefined, undefined],
  ['shutdown', "Lost communication with MCU 'mcu'\nOnce…", 'silent', 'mcu'],
  ['shutdown', "MCU 'mcu' shutdown: Timer too close\nThis often…", 'talks', undefined],
  ['shutdown', "Previous MCU 'mcu' shutdown: ADC out of range", 'talks', undefined],
  ['shutdown', 'Shutdown due to webhooks request', 'talks', undefined],
  ['startup', '\nPrinter is not ready\nThe klippy host software is attempting to connect.', undefined, undefined],
  ['', '', undefined, undefined],
])('in %s, %j says of the board: %s', (state, message, how, mcu) => {
  const talk = mcuTalk(state, message);
  expect(talk?.how).toBe(how);
  expect(talk?.mcu).toBe(mcu);
});
