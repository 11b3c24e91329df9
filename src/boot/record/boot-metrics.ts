import { dirname } from 'node:path';
import { StatectlError } from '../../error.ts';
import { machineClaims } from '../../fetch/machine-claims.ts';
import type { Host } from '../../host/host.ts';
import type { BootRecord } from '../../machine/boot-record.ts';
import { writablePath } from '../../machine/delivery/delivery.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { labels, metric } from '../../machine/metrics-text.ts';
import { machineHost, machineMounts } from '../../machine/roots.ts';
import { IN_SYSROOT } from '../roots.ts';

const FILE = 'statectl.prom';

/** The facts of a boot as node_exporter's textfile collector reads them; `atMs` is the wall clock at the hand-over. Pure. */
export function bootMetrics(record: BootRecord, atMs: number): string {
  const info = {
    image: record.image?.name ?? '',
    version: record.image?.version ?? '',
    config: record.configDigest,
    slot: record.cycle?.slot ?? '',
    server: record.server ?? '',
  };
  return [
    metric('statectl_boot_info', 'What was booted.', [`{${labels(info)}} 1`]),
    metric(
      'statectl_boot_phase_seconds',
      'How long each phase of the boot took.',
      record.phases.map(({ name, tookMs }) => `{${labels({ phase: name })}} ${tookMs / 1000}`),
    ),
    ...cycleMetrics(record),
    metric('statectl_boot_timestamp_seconds', 'When the system was handed over to, Unix time.', [
      ` ${Math.round(atMs) / 1000}`,
    ]),
  ].join('');
}

function cycleMetrics({ cycle }: BootRecord): readonly string[] {
  if (!cycle) return [];
  const { before, healthyCycles } = cycle;
  return [
    ...(before
      ? [
          metric('statectl_cycle_verdict', 'How the cycle before ended.', [
            `{${labels({ slot: before.slot, verdict: before.verdict })}} ${before.cycle}`,
          ]),
        ]
      : []),
    metric(
      'statectl_slot_healthy_cycles',
      'Healthy cycles of the image in each slot.',
      Object.entries(healthyCycles).map(([slot, count]) => `{${labels({ slot })}} ${count}`),
    ),
  ];
}

/** Writes them where logging.conf says. Throws why it cannot. */
export async function writeBootMetrics(host: Host, { config }: Facts, record: BootRecord): Promise<void> {
  const { textfile } = config.logging.metrics;
  if (textfile === undefined) return;
  const machine = machineHost(host, IN_SYSROOT);
  const path = await writablePath(machine, await machineMounts(machine), `${textfile}/${FILE}`);
  await machine.files.mkdir(dirname(path), 0o755);
  await machine.files.write(path, bootMetrics(record, host.clock.now()));
}

/** A boot that is over does not wait for a gateway that is gone. */
const LONGEST_MS = 1500;

/**
 * Sends them to the Pushgateway of logging.conf, as the instance that the node is called, or else its MAC address. Throws
 * why they were not taken.
 */
export async function pushBootMetrics(
  { http, clock }: Pick<Host, 'http' | 'clock'>,
  facts: Facts,
  record: BootRecord,
): Promise<void> {
  const { push } = facts.config.logging.metrics;
  if (push === undefined || (facts.network.leases ?? []).length === 0) return;
  const { mac, uuid } = machineClaims(facts);
  const instance = facts.bundle.inForce?.node ?? mac ?? uuid ?? 'unknown';
  const url = new URL(push);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/metrics/job/statectl/instance/${encodeURIComponent(instance)}`;
  const { status, body } = await http.request(url.href, {
    method: 'POST',
    headers: { 'content-type': 'text/plain; version=0.0.4' },
    body: bootMetrics(record, clock.now()),
    connectTimeoutMs: LONGEST_MS,
    idleTimeoutMs: LONGEST_MS,
  });
  for await (const _ of body) break;
  if (status >= 300) throw new StatectlError('metrics-refused', `${url.host} answers with status ${status}`);
}
