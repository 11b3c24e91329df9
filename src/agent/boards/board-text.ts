import { compareVersions } from '../../print/klipper-version.ts';
import type { BoardCause, BoardStatus } from './board-status.ts';

/** What a person can do about each. Flashing is nobody else's: a board that was flashed wrong needs hands. */
const WAYS_OUT: Readonly<Record<Exclude<BoardCause, 'talks'>, (board: BoardStatus) => string>> = {
  firmware: (board) =>
    `its firmware lacks what this Klipper asks for: flash it with this Klipper (${flashing(board)}), or boot the image before`,
  driver: () => 'the image lacks the driver, or udev: see dmesg, and build it with its modules',
  interface: ({ place = 'can0' }) =>
    `say it in system/network.conf: interfaces: { ${place.split(' ')[0]}: { kind: can, bitrate: … } }; where that is said, dmesg tells why it stays down`,
  absent: () =>
    'is the printer switched on, and its cable plugged in? It counts neither for nor against this system; then FIRMWARE_RESTART',
  silent: () =>
    'is its power on, and is what it was flashed with Klipper? It counts neither for nor against this system; then FIRMWARE_RESTART',
  refuses: () => 'FIRMWARE_RESTART begins it anew, or switching it off and on',
};

const flashing = ({ place = '' }: BoardStatus): string =>
  place.startsWith('/')
    ? `make menuconfig, make flash FLASH_DEVICE=${place}`
    : 'make menuconfig, make, then lib/katapult/flashtool.py or make flash in its boot loader';

/** For `statectl status` and the reports: what is wrong, and what to do about it. Pure. */
export function boardText(board: BoardStatus): string {
  if (board.cause !== 'talks')
    return `Klipper cannot talk to its board: ${board.why ?? board.cause}${versionsText(board)}; ${WAYS_OUT[board.cause](board)}`;
  const differing = otherFirmware(board);
  if (differing.length === 0) return `Klipper talks to it${versionsText(board)}`;
  return `Klipper talks to it${versionsText(board)}: they differ, which is allowed as long as it connects; flash it when it suits (make flash)`;
}

function versionsText({ klipper, mcus }: BoardStatus): string {
  const firmware = Object.entries(mcus).map(([name, version]) => `${name} has ${version}`);
  return firmware.length === 0 || klipper === undefined ? '' : ` (${firmware.join(', ')}; Klipper is ${klipper})`;
}

/** Boards whose firmware is of other sources than Klipper, by name. Pure. */
const otherFirmware = ({ klipper, mcus }: BoardStatus): readonly (readonly [string, string])[] =>
  klipper === undefined
    ? []
    : Object.entries(mcus).filter(([, version]) => compareVersions(klipper, version) === 'differs');
