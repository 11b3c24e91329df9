/** A unit of systemd, by the name of its file. */
export interface Unit {
  readonly name: string;
  readonly text: string;
}

/** systemd.syntax(7): a quoted word, without specifiers. */
const word = (path: string): string => `"${path.replaceAll(/["\\]/g, '\\$&').replaceAll('%', '%%')}"`;

export const UNIT_FOLDER = '/etc/systemd/system';

/** What brings the volumes up when the management host starts, and down before it ends (and before drbd.service does), and what copies them each hour. Pure. */
export function volumeUnits({ program, state }: { readonly program: string; readonly state: string }): readonly Unit[] {
  const run = (what: string, when = 'Start'): string =>
    `Exec${when}=${word(program)} node drbd all ${what} --state ${word(state).replaceAll('$', '$$$$')}`;
  return [
    {
      name: 'statectl-drbd.service',
      text: `[Unit]
Description=Volumes of print hosts (statectl)
Wants=network-online.target
After=network-online.target drbd.service
RequiresMountsFor=${word(state)}

[Service]
Type=oneshot
RemainAfterExit=yes
${run('--up')}
${run('--down', 'Stop')}
Restart=on-failure
RestartSec=30

[Install]
WantedBy=multi-user.target
`,
    },
    {
      name: 'statectl-drbd-snapshots.service',
      text: `[Unit]
Description=Copies of the volumes of print hosts (statectl)
After=statectl-drbd.service
RequiresMountsFor=${word(state)}

[Service]
Type=oneshot
IOSchedulingClass=idle
${run('--snapshots')}
`,
    },
    {
      name: 'statectl-drbd-snapshots.timer',
      text: `[Unit]
Description=Copies of the volumes of print hosts, each hour (statectl)

[Timer]
OnCalendar=hourly
RandomizedDelaySec=5m
Persistent=true

[Install]
WantedBy=timers.target
`,
    },
  ];
}

/** Those that are enabled. */
export const ENABLED_UNITS = ['statectl-drbd.service', 'statectl-drbd-snapshots.timer'] as const;
