import { Command } from 'commander';
import { linuxHost } from '../../host/linux/host.ts';
import { fingerprintOf } from '../../identity/certificates/fingerprint.ts';
import { approveKey, denyKey, forgetKey, keysOfMachines, revokeKey } from '../../server/admin/nodes/approvals.ts';
import { knownHosts } from '../../server/admin/nodes/known-hosts.ts';
import { type ServerState, serverState } from '../../server/admin/server-state.ts';
import type { Enrolment } from '../../server/machines/enrolment.ts';
import { asciiTable } from '../ascii-table.ts';
import { jsonOption } from '../config/config-source.ts';
import { print, printJson, printLine } from '../print.ts';
import { shownMinute } from '../shown-minute.ts';
import { stateOption } from '../state-option.ts';

interface EnrolOptions {
  readonly state: string;
  readonly json?: true;
}

/** A verb over the keys of machines. */
const enrolVerb = (name: string, summary: string, ...examples: readonly string[]): Command =>
  new Command(name)
    .description(summary)
    .addOption(stateOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `\nExample${examples.length > 1 ? 's' : ''}:\n${examples.map((one) => `  ${one}\n`).join('')}`,
    );

const stateOf = ({ state }: EnrolOptions): ServerState => serverState(state, linuxHost());

const row = ({ digest, state, node, proof, alarm, claims, remote, lastSeenMs }: Enrolment): readonly string[] => [
  fingerprintOf(digest),
  node ?? '-',
  proof ? `${state} (${proof})` : state,
  claims.mac ?? claims.uuid ?? '-',
  remote,
  shownMinute(lastSeenMs),
  alarm ?? '',
];

const asJson = (enrolment: Enrolment) => ({ fingerprint: fingerprintOf(enrolment.digest), ...enrolment });

const tell = ({ json }: EnrolOptions, enrolment: Enrolment, text: string): void =>
  json ? printJson(asJson(enrolment)) : printLine(`${text}`);

export const nodePendingVerb = (): Command =>
  enrolVerb('pending', 'machines that wait for somebody to compare their fingerprints', 'statectl node pending')
    .option('--all', 'those that were decided, too')
    .action(async (options: EnrolOptions & { readonly all?: true }) => {
      const found = await keysOfMachines(stateOf(options), options.all ? 'all' : 'pending');
      if (options.json) return printJson(found.map(asJson));
      if (found.length === 0) return printLine(options.all ? 'no machine ever asked' : 'nobody waits');
      print(asciiTable([['FINGERPRINT', 'NODE', 'STATE', 'CLAIMS', 'FROM', 'SEEN', 'LOOK'], ...found.map(row)]));
    });

export const nodeApproveVerb = (): Command =>
  enrolVerb(
    'approve',
    'let the key of a machine count, whose console shows this fingerprint',
    'statectl node approve k7fj-2m4q-aaxz-7ddo-q3ba',
    'statectl node approve k7fj-2m4q-aaxz-7ddo-q3ba --node print07',
  )
    .argument('<fingerprint>', 'as the machine shows it')
    .option('--node <name>', 'which node it is (default: the one that config.d names for what it claims)')
    .action(async (fingerprint: string, options: EnrolOptions & { readonly node?: string }) => {
      const approved = await approveKey(stateOf(options), fingerprint, options.node);
      tell(options, approved, `${approved.node} is known by ${fingerprintOf(approved.digest)} now`);
    });

const tellRefused = (options: EnrolOptions, found: Enrolment): void =>
  tell(options, found, `${fingerprintOf(found.digest)} is ${found.state}: it gets neither certificate nor secrets`);

export const nodeDenyVerb = (): Command =>
  enrolVerb(
    'deny',
    'refuse a machine that waits, now and whenever it asks',
    'statectl node deny k7fj-2m4q-aaxz-7ddo-q3ba',
  )
    .argument('<fingerprint>', 'as `statectl node pending` shows it')
    .action(async (word: string, options: EnrolOptions) => tellRefused(options, await denyKey(stateOf(options), word)));

export const nodeRevokeVerb = (): Command =>
  enrolVerb(
    'revoke',
    'let the key of a machine count no more, such as that of a stolen one',
    'statectl node revoke k7fj-2m4q-aaxz-7ddo-q3ba',
  )
    .argument('<machine>', 'fingerprint, or name of the node')
    .action(async (word: string, options: EnrolOptions) =>
      tellRefused(options, await revokeKey(stateOf(options), word)),
    );

export const nodeKnownHostsVerb = (): Command =>
  enrolVerb(
    'known-hosts',
    'the line for known_hosts with which SSH clients know every machine, whatever its host key',
    'statectl node known-hosts >> ~/.ssh/known_hosts',
    'statectl node known-hosts --hosts "print*,*.lab.example" | sudo tee -a /etc/ssh/ssh_known_hosts',
  )
    .option('--hosts <patterns>', 'the names that it counts for, comma-separated, as known_hosts has them', '*')
    .action(async ({ hosts, json, ...options }: EnrolOptions & { readonly hosts: string }) => {
      const { authority, line } = await knownHosts(stateOf(options), hosts);
      if (json) printJson({ hosts, authority, line });
      else printLine(`${line}`);
    });

export const nodeForgetVerb = (): Command =>
  enrolVerb('forget', 'drop what is known of a key: its machine may ask anew', 'statectl node forget print07')
    .argument('<machine>', 'fingerprint, or name of the node')
    .action(async (word: string, options: EnrolOptions) => {
      const found = await forgetKey(stateOf(options), word);
      tell(options, found, `${fingerprintOf(found.digest)} is forgotten`);
    });
