import { z } from 'zod';
import { AbsolutePath, Duration, HttpUrl, Service } from '../settings/scalars.ts';
import { PrinterName } from './state/printer-name.ts';

/** Each is looked at every few seconds. */
const MOST = 50;
const LEAST_TIMEOUT_MS = 10_000;
const DAY_MS = 86_400_000;

/** `update.health` */
export const Health = z
  .strictObject({
    services: z.array(Service).max(MOST).default([]).meta({ description: 'services that must run' }),
    units: z.array(Service).max(MOST).default([]).meta({
      description:
        'other units of systemd that must be active, such as backup.timer; a service of OpenRC is one of services',
    }),
    mounts: z.array(AbsolutePath).max(MOST).default([]).meta({
      description:
        'where something must be mounted, writable unless fstab.conf says `ro`; what persists is looked at anyway',
    }),
    urls: z.array(HttpUrl).max(MOST).default([]).meta({
      description: 'what must answer, with a status below 400: of this machine, or it fails with the other one',
    }),
    printers: z.array(PrinterName).max(MOST).optional().meta({
      description: 'printers of state.conf whose Klipper must be ready; absent: all; []: none',
    }),
    timeout: Duration.refine(
      (ms) => ms >= LEAST_TIMEOUT_MS && ms <= DAY_MS,
      'expected between 10s and 1d: a machine that is not good by then is rebooted',
    )
      .prefault('5m')
      .meta({ description: 'how long the system may take until all is as it must be' }),
    stable: Duration.refine((ms) => ms <= DAY_MS, 'expected at most 1d')
      .prefault('60s')
      .meta({ description: 'how long it must stay so without a break' }),
  })
  .prefault({})
  .transform(({ timeout, stable, ...rest }) => ({ ...rest, timeoutMs: timeout, stableMs: stable }))
  .meta({ description: 'when a start of the system counts as good' });
