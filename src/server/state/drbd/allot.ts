import { createHash } from 'node:crypto';
import { StatectlError } from '../../../error.ts';

/** Apart from what people give their own resources, which begin at 7788 and 0. */
const FIRST_PORT = 7900;
const FIRST_MINOR = 100;
/** A firewall has to let them through: no server has so many print hosts. */
const MOST = 900;

/** What is given away already: to volumes of this server, and to resources of somebody else. */
export interface Taken {
  readonly ports: ReadonlySet<number>;
  readonly minors: ReadonlySet<number>;
  readonly resources: ReadonlySet<string>;
}

/** A name, a port and a minor that nobody has. Pure. Throws `volume-unusable`. */
export const allot = (printer: string, item: string, taken: Taken) => ({
  resource: freeName(`${printer}.${item}`, taken.resources),
  port: firstFree(FIRST_PORT, taken.ports, 'port'),
  minor: firstFree(FIRST_MINOR, taken.minors, 'minor'),
});

function firstFree(first: number, taken: ReadonlySet<number>, what: string): number {
  for (let number = first; number < first + MOST; number += 1) if (!taken.has(number)) return number;
  throw new StatectlError('volume-unusable', `no ${what} from ${first} to ${first + MOST - 1} is free`, {
    hint: 'remove resources below /etc/drbd.d that nobody uses',
  });
}

/** As long as a machine takes it. */
const LONGEST_NAME = 64;

/** An item has no dot in its name, so no two of them are alike; a long one ends in what tells it from others. */
function freeName(name: string, taken: ReadonlySet<string>): string {
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 12);
  const short = name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 13)}-${digest}`;
  return taken.has(short) ? `${short.slice(0, LONGEST_NAME - 13)}-${digest}` : short;
}
