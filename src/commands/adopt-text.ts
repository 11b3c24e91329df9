import { formatSize } from '../image/format-size.ts';
import { printableLine } from '../printable.ts';
import type { AdoptedHost, AdoptionPlan, PlannedPrinter } from '../server/admin/adopt/adopt-host.ts';

interface Told {
  readonly what: string;
  readonly why: string;
}

const line = (text: string): string => `${printableLine(text)}\n`;

/** Each once, under the reason that it shares with others. */
function told(title: string, remarks: readonly Told[]): string {
  if (remarks.length === 0) return '';
  const groups = [...Map.groupBy(remarks, ({ why }) => why)];
  const lines = groups.flatMap(([why, all]) => [...all.map(({ what }) => line(`  ${what}`)), line(`    ${why}`)]);
  return `${title}\n${lines.join('')}`;
}

const counted = ({ files, bytes }: { readonly files: number; readonly bytes: number }): string =>
  `${files} ${files === 1 ? 'file' : 'files'}, ${formatSize(bytes)}`;

function printerText({ name, data, isOldLayout, services, ...of }: PlannedPrinter): string {
  const { config, gcode, database, variables, left, lookAt } = of;
  const called = Object.values(services).join(', ') || 'no unit of systemd names it';
  return [
    line(
      `printer ${name}: ${data}${isOldLayout ? ' (from the old layout: ~/klipper_config, ~/gcode_files)' : ''}; ${called}`,
    ),
    line(
      `  config     ${counted(config)}, with ${config.commits === undefined ? 'a history from now on' : `its history of ${config.commits} commits`}`,
    ),
    line(`  gcode      ${counted(gcode)}, thumbnails among them`),
    line(`  database   ${database ? `${formatSize(database.bytes)}, with .moonraker.uuid` : 'none'}`),
    line(`  variables  ${variables ? `${variables.path}, ${formatSize(variables.bytes)}` : 'none'}`),
    line(`  in RAM, gone at each boot: ${data}/logs, comms and misc`),
    told(`look at this before ${name} boots:`, lookAt),
    told('not taken:', left),
  ].join('');
}

/** What is found, what will be of it, and what stays. */
export function planText({ host, node, file, text, isChanged, printers, left }: AdoptionPlan): string {
  return [
    line(`${host.destination} is ${host.hostname} (${host.system}, ${host.arch}); nothing is changed there`),
    line(`node ${node}: ${file}${isChanged ? ', which will say' : ' says that already'}`),
    ...(isChanged
      ? text
          .trimEnd()
          .split('\n')
          .map((one) => line(`  | ${one}`))
      : []),
    ...printers.map(printerText),
    line(
      'everything else of its system will be what the image has, and what is written there is gone at the next boot',
    ),
    told(`stays on ${host.hostname}:`, left),
  ].join('');
}

/** What was taken, and what is to be done next. */
export function adoptedText({ node, printers: planned }: AdoptionPlan, { printers, revision }: AdoptedHost): string {
  const each = printers.map(({ printer, config, gcode, database, variables, missed }) =>
    [
      line(
        `${printer}: config ${config.changed} changed${config.commits === undefined ? '' : ` and its history of ${config.commits} commits`}, gcode ${gcode.added} new and ${gcode.removed} gone (${formatSize(gcode.bytes)}), database ${database ? (database.isNew ? `${formatSize(database.bytes)}, ${database.how}` : 'as it was') : 'none'}, variables ${variables ? (variables.isNew ? 'new' : 'as they were') : 'none'}`,
      ),
      told(
        'could not be taken:',
        missed.map(({ path, why }) => ({ what: path, why })),
      ),
    ].join(''),
  );
  const [first] = planned;
  return [
    ...each,
    line(`${node} is a node of config.d (${revision.slice(0, 12)})`),
    line(
      `→ until ${node} boots from an image, run it again for what changed since; then give it one: statectl node set ${node} boot.image NAME@VERSION`,
    ),
    line(
      `→ all of it as plain files: statectl printer export ${first?.name ?? 'NAME'} --out ${first?.name ?? 'NAME'}.tar`,
    ),
  ].join('');
}
