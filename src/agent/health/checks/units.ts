import type { Host } from '../../../host/host.ts';
import { lastLine, toldBy } from './told-by.ts';

/** What systemd says of a unit. */
export interface UnitState {
  readonly load: string;
  readonly active: string;
  readonly sub: string;
  readonly type: string;
  readonly result: string;
  /** Of this run: another one after each start. */
  readonly invocation: string;
  /** Microseconds since the kernel started; 0: it never ended. */
  readonly endedUs: number;
  /** A job of it waits or runs. */
  readonly hasJob: boolean;
  readonly requires: readonly string[];
  readonly onFailure: readonly string[];
  readonly failureAction: string;
  readonly startLimitAction: string;
}

const PROPERTIES =
  'LoadState,ActiveState,SubState,Type,Result,InvocationID,InactiveEnterTimestampMonotonic,Job,Requires,OnFailure,FailureAction,StartLimitAction';

/**
 * Units in the order in which they were asked for; instead of one, why systemd does not say. One name that it refuses (a template
 * without an instance) would have it say nothing of those after it, so each is asked for by itself then.
 */
export async function unitStates(
  host: Pick<Host, 'exec'>,
  units: readonly string[],
  signal: AbortSignal,
): Promise<readonly (UnitState | string)[]> {
  if (units.length === 0) return [];
  const { exitCode, stdout, stderr } = await toldBy(
    host,
    ['systemctl', 'show', `--property=${PROPERTIES}`, '--', ...units],
    signal,
  );
  const blocks = stdout.trim() === '' ? [] : stdout.trim().split('\n\n');
  if (blocks.length === units.length) return blocks.map(readUnit);
  if (units.length === 1 || blocks.length === 0)
    return units.map(() => `systemd does not say: ${lastLine(stderr) || `exit status ${exitCode}`}`);
  const states: (UnitState | string)[] = [];
  for (const unit of units) states.push(...(await unitStates(host, [unit], signal)));
  return states;
}

function readUnit(block: string): UnitState {
  const said = new Map(
    block.split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  const text = (name: string) => said.get(name) ?? '';
  return {
    ...{ load: text('LoadState'), active: text('ActiveState'), sub: text('SubState'), type: text('Type') },
    ...{ result: text('Result'), invocation: text('InvocationID') },
    endedUs: Number(text('InactiveEnterTimestampMonotonic')) || 0,
    hasJob: Number(text('Job').split(' ')[0]) > 0,
    requires: words(text('Requires')),
    onFailure: words(text('OnFailure')),
    ...{ failureAction: text('FailureAction'), startLimitAction: text('StartLimitAction') },
  };
}

const words = (text: string): readonly string[] => text.split(' ').filter(Boolean);

const RUNS = ['active', 'reloading', 'refreshing'];

/** Why a unit is not as it must be; undefined: it runs, or did its work and ended well. Pure. */
export function whyNot(state: UnitState | string): string | undefined {
  if (typeof state === 'string') return state;
  const { load, active, sub, type, result, endedUs } = state;
  if (load !== 'loaded') return load === 'not-found' ? 'the system has no such unit' : `it is ${load}`;
  if (RUNS.includes(active)) return undefined;
  if (active === 'inactive' && type === 'oneshot' && result === 'success' && endedUs > 0) return undefined;
  const how = result === '' || result === 'success' ? sub : result;
  return `it is ${active}${how === '' || how === active || how === 'dead' ? '' : ` (${how})`}`;
}

/** What was started anew has another; one that does its work and ends is started by its timer. Pure. */
export const runOf = (state: UnitState | string): string | undefined => {
  const { invocation, type } = typeof state === 'string' ? { invocation: '', type: '' } : state;
  return invocation === '' || type === 'oneshot' || type === '' ? undefined : invocation;
};
