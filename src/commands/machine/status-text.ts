import type { PlaceStatus } from '../../agent/apply/places.ts';
import type { Status } from '../../agent/status.ts';
import { type ReportOptions, renderChanges, sizeText, summarizeChanges } from '../../changes/change-report.ts';
import { entryOf } from '../../entry-of.ts';
import type { BootRecord } from '../../machine/boot-record.ts';
import type { Lease } from '../../machine/facts/network-facts.ts';
import { printable } from '../../printable.ts';
import { writeNumber } from '../../signed/bundle/order.ts';
import { asciiTable } from '../ascii-table.ts';
import { agentText } from './agent-text.ts';
import { appliedLines, runsAsRow } from './applied-text.ts';
import { slotsText } from './slots-text.ts';

/** For people: plain ASCII, what matters most last, where a terminal stops scrolling. */
export function statusText(
  { boot, agent, slots, applied, places, changes }: Status,
  options: ReportOptions = {},
): string {
  return [
    asciiTable([...bootRows(boot), ...(applied ? runsAsRow(applied, boot.bundle) : [])]),
    section('time', asciiTable(phaseRows(boot))),
    agent ? section('agent', agentText(agent)) : '',
    slots ? section('slots', slotsText(slots)) : '',
    section(
      'kept at a reboot',
      asciiTable(places.filter(({ persistent }) => persistent).map(placeRow)) ||
        '  nothing: there is no disk for /user-data\n',
    ),
    section('in RAM, lost at a reboot', asciiTable(places.filter(({ persistent }) => !persistent).map(placeRow))),
    boot.warnings.length > 0
      ? section('warnings of the boot', boot.warnings.map((text) => `  ! ${printable(text, '    ')}\n`).join(''))
      : '',
    applied && appliedLines(applied) !== '' ? section('otherwise than config.d says', appliedLines(applied)) : '',
    troubleText(boot),
    changes ? changesText(changes, options) : '\nchanges: not looked for (--no-changes)\n',
  ].join('');
}

/** A place without changes is worth no line, unless something there could not be read. */
function changesText(changes: NonNullable<Status['changes']>, options: ReportOptions): string {
  const worth = changes.filter(
    ({ totals, limits }) => totals.added + totals.changed + totals.deleted + limits.length > 0,
  );
  return `\n${summarizeChanges(changes)}\n${worth.length > 0 ? `\n${renderChanges(worth, options)}` : ''}`;
}

const section = (title: string, text: string): string => `\n${title}\n${text}`;

const seconds = (ms: number): string => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(2)} s`);

const SOURCES: Readonly<Record<BootRecord['source'], string>> = {
  fetched: 'fetched from',
  copy: 'the copy',
  partition: 'the partition',
};

/** A file system of a slot that is a tree has no digest of its own. */
const verifiedBy = ({ type, verified }: BootRecord['root']): string => {
  if (!verified) return 'unverified: trusted as found';
  return `verified: signature and ${type === 'ext4' ? 'each file' : 'digest'}`;
};

function bootRows(boot: BootRecord): readonly (readonly string[])[] {
  const { image, root, machineId, persistent } = boot;
  return [
    ['image', image ? `${image.name} ${image.version}` : 'none: a root of this machine'],
    ...(image ? [['digest', `sha256 ${image.sha256}`]] : []),
    ['root', `${root.type}, ${verifiedBy(root)}`],
    ['from', `${SOURCES[boot.source]} ${root.from}`],
    ['server', serverText(boot)],
    ['kernel', boot.kernelRelease],
    ['config', `sha256 ${boot.configDigest}, ${boot.configOrigin}`],
    ...(boot.bundle ? [['bundle', bundleText(boot.bundle)]] : []),
    ...(boot.identity ? [['identity', identityText(boot.identity)]] : []),
    ['init', boot.init],
    ['machine-id', machineId ? `${machineId.machineId}, ${ID_ORIGINS[machineId.machineIdOrigin]}` : 'unknown'],
    ...(boot.leases.length === 0
      ? [['network', 'none was set up by the boot']]
      : boot.leases.map((lease) => ['network', leaseText(lease)])),
    [
      'persistent',
      persistent ? `${persistent.device}${persistent.type ? ` (${persistent.type})` : ''} on /user-data` : 'nothing',
    ],
    ['statectl', boot.statectl],
  ];
}

const PROOFS = { 'earlier-key': 'an earlier key', person: 'a person', network: 'its presence on the network only' };

const SEALINGS = {
  sealed: 'key sealed by the TPM',
  unsealed: 'key unsealed',
  tpm: 'key out of the TPM',
  ram: 'key of this boot alone',
};

function identityText(identity: NonNullable<BootRecord['identity']>): string {
  const { state, fingerprint, node, proof, certificateUntilMs, secrets, missing, key } = identity;
  const until = certificateUntilMs
    ? `, certificate until ${new Date(certificateUntilMs).toISOString().slice(0, 10)}`
    : '';
  const lacking = Object.keys(missing);
  const count = `, ${secrets.length} secrets${lacking.length > 0 ? `, without ${lacking.join(' ')}` : ''}`;
  const sealing = key ? `; ${SEALINGS[key]}` : '';
  switch (state) {
    case 'approved':
      return `${node}, proven by ${proof ? (entryOf(PROOFS, proof) ?? proof) : 'nobody'}${until}${count}${sealing}`;
    case 'pending':
      return `waits to be approved: ${fingerprint}; no secrets${sealing}`;
    case 'denied':
      return `refused by the server: ${fingerprint}; no secrets`;
    case 'offline':
      return `no server asked${until}${count}${sealing}`;
  }
}

/** With several servers, why it is this one. */
function serverText({ server, servers = [] }: BootRecord): string {
  const name = server ?? 'none answered, or none was asked';
  if (servers.length <= 1) return name;
  const others = servers.filter(({ url }) => url !== server).map(({ url, reason }) => `${url} ${reason}`);
  const why = servers.find(({ url }) => url === server)?.reason;
  return `${name} (${[...(why ? [why] : []), ...others].join('; ')})`;
}

const bundleText = ({ node, server, ...number }: NonNullable<BootRecord['bundle']>): string =>
  `${writeNumber(number)} of ${node ?? 'any machine'}, ${server ? `current by ${server}` : 'no server says whether it is current'}`;

const ID_ORIGINS = {
  configured: 'as etc.conf says',
  persistent: 'kept on /user-data',
  derived: 'derived from the hardware',
  random: 'by chance: new at every boot',
} as const;

function leaseText({ device, method, address, prefixLength, gateway, dns }: Lease): string {
  return [
    `${device} ${address}/${prefixLength} (${method})`,
    ...(gateway ? [`via ${gateway}`] : []),
    ...(dns.length > 0 ? [`DNS ${dns.join(' ')}`] : []),
  ].join(', ');
}

function phaseRows({ phases, bootMs }: BootRecord): readonly (readonly string[])[] {
  const rows = phases.map(({ name, tookMs, steps }) => [
    `  ${name}`,
    seconds(tookMs),
    steps === 0 ? '' : `${steps} ${steps === 1 ? 'step' : 'steps'}`,
  ]);
  const first = phases[0];
  return [
    ...(first ? [['  kernel, /init', seconds(first.startedMs), '']] : []),
    ...rows,
    ['  total', seconds(bootMs), ''],
  ];
}

function placeRow({ mountPoint, kind, persistent, source, limitBytes }: PlaceStatus): readonly string[] {
  if (source === undefined) return [`  ${mountPoint}`, kind, kind === 'symlink' ? '' : 'NOT MOUNTED'];
  return [
    `  ${mountPoint}`,
    kind,
    limitBytes !== undefined ? `at most ${sizeText(limitBytes)}` : persistent ? source : '',
  ];
}

/** What a person had to do for this boot to come to its end. */
function troubleText({ failures, skipped }: BootRecord): string {
  const lines = [
    ...failures.map(({ phase, code, text }) => `  ! ${phase} failed first (${code}): ${printable(text, '    ')}\n`),
    ...(skipped.length > 0 ? [`  ! left out by a person: ${skipped.join(', ')}\n`] : []),
  ];
  return lines.length > 0 ? section('this boot failed and was brought to its end', lines.join('')) : '';
}
