import { reasonOf } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { labels, metric } from '../../machine/metrics-text.ts';
import type { HealthStatus } from './health-status.ts';

const FILE = 'statectl_health.prom';
const STATES = ['waiting', 'started', 'failed'] as const;

/** The health of a system for node_exporter. Pure. */
export const healthMetrics = ({ gate, atMs, checks }: HealthStatus): string =>
  [
    metric(
      'statectl_health_state',
      'Whether the start of the system counts as good: 1 at what it is.',
      STATES.map((state) => `{${labels({ state })}} ${state === gate.state ? 1 : 0}`),
    ),
    metric('statectl_health_state_timestamp_seconds', 'Since when, Unix time.', [` ${Math.round(atMs) / 1000}`]),
    metric(
      'statectl_health_check',
      '1: it is as it must be.',
      checks.map(({ name, need, why }) => `{${labels({ check: name, need })}} ${why === undefined ? 1 : 0}`),
    ),
  ].join('');

/** Writes them into the folder of logging.conf. Gives why it cannot. */
export async function writeHealthMetrics(
  { files }: Pick<Host, 'files'>,
  folder: string,
  status: HealthStatus,
): Promise<string | undefined> {
  try {
    await files.mkdir(folder, 0o755);
    await files.write(`${folder}/${FILE}`, healthMetrics(status));
    return undefined;
  } catch (error) {
    return `${folder}/${FILE} cannot be written: ${reasonOf(error)}`;
  }
}
