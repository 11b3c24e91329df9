import { moonrakerFaults } from '../../../config/check/moonraker-conf.ts';
import type { PrinterState } from '../../../config/config.ts';
import { reasonOf } from '../../../error.ts';
import type { TaskContext } from '../../../host/task-context.ts';
import { folderOwners } from '../../delivery/delivery.ts';
import type { Facts } from '../../facts/facts.ts';
import { systemTree } from '../../facts/system-tree.ts';
import { isEtcWritable } from '../../install/plan-install.ts';
import type { MachineHost } from '../../roots.ts';
import { loadingMarks } from '../../state/loading.ts';
import type { Step } from '../../steps/step.ts';
import { type Cache, cacheFaults, cachesOf, planCache } from './cache-service.ts';
import type { EnvironmentFacts } from './environment-facts.ts';
import { environmentFiles } from './printer-environment.ts';
import { planVolumeService } from './volume-service.ts';

const MOST_BYTES = 1024 * 1024;

/** What is missing for services of printers, and what is in the way of them in their own settings, which is told. */
export async function printerServices(
  host: MachineHost,
  facts: Facts,
  boot: Pick<TaskContext, 'warn'>,
): Promise<EnvironmentFacts | undefined> {
  const printers = Object.values(facts.config.state.printers);
  if (printers.length === 0) return undefined;
  for (const fault of cacheFaults(facts)) boot.warn(fault);
  const tree = systemTree(host, facts);
  const ownersOf = await folderOwners(host);
  const missing: EnvironmentFacts[number][] = [];
  for (const printer of printers) {
    await tellMoonraker(host, printer, boot);
    try {
      const whose = ownersOf(printer.data, printer.user, printer.group);
      for (const { path, program, content } of environmentFiles(printer)) {
        if ((await host.files.stat(path)) || (await tree.resolve(program)) === undefined) continue;
        missing.push({ path, content, ...whose });
      }
    } catch (error) {
      boot.warn(`${printer.name}: no environment of its services: ${reasonOf(error)}`);
    }
  }
  return missing;
}

/** Never rewritten: it is the printer's. */
async function tellMoonraker(
  { files }: MachineHost,
  { name, data }: PrinterState,
  { warn }: Pick<TaskContext, 'warn'>,
): Promise<void> {
  const path = `${data}/config/moonraker.conf`;
  const file = await files.readRegular(path, MOST_BYTES).catch(() => undefined);
  if (!file) return;
  for (const { line, message } of moonrakerFaults(file.bytes.toString()))
    warn(`${name}: ${path}${line === undefined ? '' : `:${line}`} ${message}`);
}

const UNITS = '/run/systemd/system';

/** Moonraker forgets what it knows of files that are not there when it starts. A server that never answers keeps it so long. */
const MOST_SECONDS = 300;

const waiting = (printer: string): string =>
  `n=0; while ls ${loadingMarks(printer)} >/dev/null 2>&1 && [ $n -lt ${MOST_SECONDS} ]; do sleep 1; n=$((n+1)); done`;

const readyName = (printer: string): string => `statectl-printer-${printer}`;

const readyUnit = (printer: string): string => `# Made by statectl at boot.
[Unit]
Description=the state of printer ${printer} is there
After=local-fs.target

[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/sh -c '${waiting(printer).replaceAll('$', '$$$$')}'
`;

const readyScript = ({ name, services }: PrinterState): string => `#!/sbin/openrc-run
# Made by statectl at boot.
description="the state of printer ${name} is there"

depend() {
	after localmount
	before ${services.moonraker}
}

start() {
	${waiting(name)}
}
`;

/** Files for the services of printers, and their order: after what they read is there. Pure. */
export function planPrinterServices(facts: Facts): readonly Step[] {
  const { printerEnvironment: missing = [], install } = facts.system;
  const printers = Object.values(facts.config.state.printers);
  return [
    ...missing.map(({ path, content, uid, gid }): Step => ({ kind: 'printer-file', path, content, uid, gid })),
    ...cachesOf(facts).flatMap((cache) => planCache(cache, install?.serviceManager, facts.config.services.target)),
    ...(install?.serviceManager === 'systemd'
      ? printers.flatMap((printer) =>
          systemdSteps(
            printer,
            cachesOf(facts).filter((one) => one.printer === printer.name),
          ),
        )
      : []),
    ...(install?.serviceManager === 'openrc' && isEtcWritable(facts)
      ? printers.flatMap((printer) => openrcSteps(printer, facts.config.services.target ?? 'default'))
      : []),
    ...planVolumeService(facts),
  ];
}

function systemdSteps({ name, services }: PrinterState, caches: readonly Cache[]): readonly Step[] {
  const dropIn = (service: string, lines: string): readonly Step[] => {
    const folder = `${UNITS}/${service}.service.d`;
    const content = `# Made by statectl at boot.\n[Unit]\n${lines}`;
    return [
      { kind: 'mkdir', path: folder, mode: 0o755 },
      { kind: 'write', path: `${folder}/50-statectl.conf`, content },
    ];
  };
  const ready = `${readyName(name)}.service`;
  const shown = caches.map(({ service }) => ` ${service}.service`).join('');
  const wants = caches.length === 0 ? '' : `Wants=${shown.trim()}\n`;
  return [
    // No Requires: whoever unmounts something ends no print.
    ...dropIn(services.klipper, `${wants}After=local-fs.target${shown}\n`),
    ...dropIn(services.moonraker, `Wants=${ready}${shown}\nAfter=local-fs.target ${ready}${shown}\n`),
    { kind: 'write', path: `${UNITS}/${ready}`, content: readyUnit(name) },
  ];
}

function openrcSteps(printer: PrinterState, target: string): readonly Step[] {
  const script = `/etc/init.d/${readyName(printer.name)}`;
  const runlevel = `/etc/runlevels/${target}`;
  return [
    { kind: 'mkdir', path: '/etc/init.d', mode: 0o755 },
    { kind: 'write', path: script, content: readyScript(printer), mode: 0o755 },
    { kind: 'mkdir', path: runlevel, mode: 0o755 },
    { kind: 'symlink', target: script, path: `${runlevel}/${readyName(printer.name)}` },
  ];
}
