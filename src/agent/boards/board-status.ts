import type { Host } from '../../host/host.ts';
import { short } from '../../machine/locks/lock.ts';
import type { McuPlace } from '../../print/mcu-sections.ts';
import type { McuTalk } from '../../print/mcu-talk.ts';
import { mcuPlaces } from './mcu-places.ts';
import { type PlaceFault, placeFault } from './place-fault.ts';

export type BoardCause = 'talks' | 'firmware' | 'refuses' | PlaceFault['cause'];

/**
 * What each cause says of the system that runs. Only what shows that the board is there counts against it: it answered and this
 * Klipper does not go with it, or its USB device or CAN adapter is here and the system makes nothing of it. A printer that is switched
 * off, or whose cable is out, says nothing for or against it, however long.
 */
const HEALTH = {
  talks: 'good',
  firmware: 'bad',
  driver: 'bad',
  interface: 'bad',
  absent: 'unknown',
  silent: 'unknown',
  refuses: 'unknown',
} as const satisfies Readonly<Record<BoardCause, string>>;

/** Whether the Klipper of this system can talk to the boards of a printer. Times are Unix ms. */
export interface BoardStatus {
  readonly health: 'good' | 'bad' | 'unknown';
  readonly cause: BoardCause;
  readonly sinceMs: number;
  /** Of the board that is in the way, where it is known: its name in printer.cfg, and where it is. */
  readonly mcu?: string;
  readonly place?: string;
  readonly why?: string;
  /** The version of Klipper, and by name those of the firmware that answered. */
  readonly klipper?: string;
  readonly mcus: Readonly<Record<string, string>>;
}

export interface KnownVersions {
  readonly klipper?: string | undefined;
  readonly mcus: Readonly<Record<string, string>>;
}

/** What Klipper's talk comes to, with what is there of the board that does not answer. */
export async function boardStatus(
  host: Pick<Host, 'files'>,
  data: string,
  { how, mcu, why }: McuTalk,
  { klipper, mcus }: KnownVersions,
): Promise<Omit<BoardStatus, 'sinceMs'>> {
  const known = { mcus, ...(klipper !== undefined && { klipper }) };
  if (how === 'talks') return { health: HEALTH.talks, cause: 'talks', ...known };
  const places = await mcuPlaces(host.files, data);
  const place =
    places.get(mcu ?? 'mcu') ?? (mcu === undefined && places.size === 1 ? [...places.values()][0] : undefined);
  const about = {
    ...known,
    ...(mcu !== undefined && { mcu: short(mcu) }),
    ...(place && { place: short(placeText(place)) }),
  };
  if (how === 'silent' && place) {
    const fault = await placeFault(host, place);
    return { health: HEALTH[fault.cause], cause: fault.cause, ...about, why: short(`${why}: ${fault.why}`) };
  }
  const cause = ({ protocol: 'firmware', silent: 'silent', refuses: 'refuses' } as const)[how];
  return { health: HEALTH[cause], cause, ...about, ...(why !== undefined && { why: short(why) }) };
}

const placeText = (place: McuPlace): string =>
  place.kind === 'serial' ? place.path : `${place.interface} ${place.uuid}`;
