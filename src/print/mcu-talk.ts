/** What Klipper says of its talk with its boards; undefined: nothing, as long as it only begins, or does not understand its config. */
export interface McuTalk {
  /**
   * `protocol`: the board answers, and its firmware has not the commands that this Klipper asks for; `silent`: it does not answer;
   * `refuses`: it answers, and does not do what it is asked.
   */
  readonly how: 'talks' | 'protocol' | 'silent' | 'refuses';
  /** Of the section `[mcu NAME]`, where it is said; that of `[mcu]` is `mcu`. */
  readonly mcu?: string;
  /** In Klipper's words. */
  readonly why?: string;
}

const SILENT =
  /Unable to connect|Lost communication with MCU|Serial connection closed|Unable to obtain '|Timeout on wait for|No response from MCU/;
const NAME = /\bmcu '([^']{1,64})'/i;
/** klippy/extras/error_mcu.py, and klippy.py before it: how each trouble of a board at the start ends. */
const OF_A_BOARD = 'Error configuring printer';

/** klippy/klippy.py: the state and message of `webhooks`. Pure. */
export function mcuTalk(state: string, message: string): McuTalk | undefined {
  if (state === 'ready') return { how: 'talks' };
  if (state !== 'error' && state !== 'shutdown') return undefined;
  const why = message.trim().split('\n', 1)[0]?.trim() ?? '';
  const mcu = NAME.exec(why)?.[1];
  const said = { ...(mcu !== undefined && { mcu }), why };
  if (/^(?:MCU )?Protocol error/.test(why)) return { how: 'protocol', ...said };
  if (SILENT.test(why)) return { how: 'silent', ...said };
  // What halts a printer that was ready: M112, a heater, a board that says so itself.
  if (state === 'shutdown') return { how: 'talks' };
  return message.includes(OF_A_BOARD) ? { how: 'refuses', ...said } : undefined;
}
