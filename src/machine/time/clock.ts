import type { Host } from '../../host/host.ts';
import type { Facts } from '../facts/facts.ts';
import type { ClockFacts } from '../facts/machine-facts.ts';
import { wantedNetwork } from '../network/wanted-network.ts';
import type { Step } from '../steps/step.ts';

/** Seconds since 1970, from the builder: no moment at which this initramfs runs is earlier. */
const BUILT = '/etc/built';
/** A clock that is so far ahead of the initramfs has lost its battery in another way. */
const FAR_AHEAD_MS = 10 * 365 * 86_400_000;
const ASK_SECONDS = 2;

/** What the clock says, and what it should say at least. A board without a battery starts in 1970. */
export async function clockFacts(host: Pick<Host, 'files' | 'clock'>): Promise<ClockFacts> {
  const built = Number(await host.files.readText(BUILT).catch(() => '0'));
  return { nowMs: host.clock.now(), floorMs: Number.isFinite(built) ? built * 1000 : 0 };
}

/** It was before the initramfs was built, or ages after. Pure. */
export const isWrong = ({ nowMs, floorMs }: ClockFacts): boolean =>
  floorMs > 0 && (nowMs < floorMs || nowMs > floorMs + FAR_AHEAD_MS);

/** Certificates that were made before the initramfs count from now on. Pure. */
export const planClock = ({ machine: { clock } }: Facts): readonly Step[] =>
  clock && clock.nowMs < clock.floorMs ? [{ kind: 'set-clock', nowMs: clock.nowMs, toMs: clock.floorMs }] : [];

/** Asks time servers, where some are named and the clock was wrong: once, and not for long. Pure. */
export function planTime(facts: Facts): readonly Step[] {
  const {
    machine: { clock },
    network: { leases = [] },
  } = facts;
  if (!clock || !isWrong(clock) || leases.length === 0) return [];
  const named = wantedNetwork(facts).flatMap(({ settings }) => settings.ntp);
  const servers = [...new Set([...named, ...leases.flatMap(({ ntp }) => ntp)])];
  return servers.length > 0 ? [{ kind: 'ask-time', servers, seconds: ASK_SECONDS, floorMs: clock.floorMs }] : [];
}
