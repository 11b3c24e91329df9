import { Command } from 'commander';
import { StatectlError } from '../error.ts';
import { linuxHost } from '../host/linux/host.ts';
import { fingerprintOf } from '../identity/fingerprint.ts';
import { type Enrolment, type Enrolments, openEnrolments } from '../server/enrolments.ts';
import { enrolmentsPath } from '../server/secure.ts';
import { knownHostsLine, sshAuthority } from '../server/ssh-authority.ts';
import { openStore } from '../server/store.ts';
import { asciiTable } from './ascii-table.ts';
import { jsonOption, print, printJson } from './config-source.ts';
import { stateOption } from './state-option.ts';

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

async function withEnrolments<T>({ state }: EnrolOptions, use: (enrolments: Enrolments) => T): Promise<T> {
  const { root } = await openStore(state, linuxHost(), 'existing');
  using enrolments = openEnrolments(enrolmentsPath(root), linuxHost().clock.now);
  return use(enrolments);
}

/** By fingerprint, or by node where one of its keys is in one of the states. Throws `enrolment-unknown`, `enrolment-ambiguous`. */
function chosen(enrolments: Enrolments, word: string, states: readonly Enrolment['state'][]): Enrolment {
  const all = enrolments.list();
  const byKey = all.find(({ digest }) => fingerprintOf(digest) === word.toLowerCase());
  if (byKey) return byKey;
  const byNode = all.filter(({ node, state }) => node === word && states.includes(state));
  const [one, ...others] = byNode;
  if (one === undefined)
    throw new StatectlError('enrolment-unknown', `no machine of that fingerprint or name: ${word}`, {
      hint: 'see `statectl node pending --all`; the machine shows its fingerprint on its console',
    });
  // Somebody pretends to be this node: the name does not say who is meant.
  if (others.length > 0)
    throw new StatectlError('enrolment-ambiguous', `${byNode.length} keys say that they are ${word}`, {
      hint: `name one by its fingerprint: ${byNode.map(({ digest }) => fingerprintOf(digest)).join(', ')}`,
    });
  return one;
}

const row = ({ digest, state, node, proof, alarm, claims, remote, lastSeenMs }: Enrolment): readonly string[] => [
  fingerprintOf(digest),
  node ?? '-',
  proof ? `${state} (${proof})` : state,
  claims.mac ?? claims.uuid ?? '-',
  remote,
  new Date(lastSeenMs).toISOString().slice(0, 16).replace('T', ' '),
  alarm ?? '',
];

const asJson = (enrolment: Enrolment) => ({ fingerprint: fingerprintOf(enrolment.digest), ...enrolment });

const tell = ({ json }: EnrolOptions, enrolment: Enrolment, text: string): void =>
  json ? printJson(asJson(enrolment)) : print(`${text}\n`);

export const nodePendingVerb = (): Command =>
  enrolVerb('pending', 'machines that wait for somebody to compare their fingerprints', 'statectl node pending')
    .option('--all', 'those that were decided, too')
    .action(async (options: EnrolOptions & { readonly all?: true }) => {
      const found = await withEnrolments(options, (enrolments) => enrolments.list(options.all ? undefined : 'pending'));
      if (options.json) return printJson(found.map(asJson));
      if (found.length === 0) return print(options.all ? 'no machine ever asked\n' : 'nobody waits\n');
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
      const approved = await withEnrolments(options, (enrolments) => {
        const found = chosen(enrolments, fingerprint, ['pending', 'denied', 'revoked']);
        const node = options.node ?? found.node;
        if (node === undefined)
          throw new StatectlError('node-missing', `config.d names no node for ${found.claims.mac ?? 'this machine'}`, {
            hint: `say which it is: --node NAME; \`statectl node add NAME --mac ${found.claims.mac ?? 'MAC'}\` makes one`,
          });
        return enrolments.approve({ ...found, node, proof: 'person' });
      });
      tell(options, approved, `${approved.node} is known by ${fingerprintOf(approved.digest)} now`);
    });

const decision = (
  name: 'deny' | 'revoke',
  state: 'denied' | 'revoked',
  summary: string,
  from: readonly Enrolment['state'][],
): Command =>
  enrolVerb(name, summary, `statectl node ${name} k7fj-2m4q-aaxz-7ddo-q3ba`)
    .argument('<machine>', 'fingerprint, or name of the node')
    .action(async (word: string, options: EnrolOptions) => {
      const found = await withEnrolments(options, (enrolments) => {
        const one = chosen(enrolments, word, from);
        enrolments.decide(one.digest, state);
        return { ...one, state };
      });
      tell(options, found, `${fingerprintOf(found.digest)} is ${state}: it gets neither certificate nor secrets`);
    });

export const nodeDenyVerb = (): Command =>
  decision('deny', 'denied', 'refuse a machine that waits, now and whenever it asks', ['pending']);

export const nodeRevokeVerb = (): Command =>
  decision('revoke', 'revoked', 'let the key of a machine count no more, such as that of a stolen one', ['approved']);

export const nodeKnownHostsVerb = (): Command =>
  enrolVerb(
    'known-hosts',
    'the line for known_hosts with which SSH clients know every machine, whatever its host key',
    'statectl node known-hosts >> ~/.ssh/known_hosts',
    'statectl node known-hosts --hosts "print*,*.lab.example" | sudo tee -a /etc/ssh/ssh_known_hosts',
  )
    .option('--hosts <patterns>', 'the names that it counts for, comma-separated, as known_hosts has them', '*')
    .action(async ({ state, hosts, json }: EnrolOptions & { readonly hosts: string }) => {
      const host = linuxHost();
      const authority = await sshAuthority(host, (await openStore(state, host, 'existing')).root);
      const line = knownHostsLine(authority, hosts);
      if (json) printJson({ hosts, authority, line });
      else print(`${line}\n`);
    });

export const nodeForgetVerb = (): Command =>
  enrolVerb('forget', 'drop what is known of a key: its machine may ask anew', 'statectl node forget print07')
    .argument('<machine>', 'fingerprint, or name of the node')
    .action(async (word: string, options: EnrolOptions) => {
      const found = await withEnrolments(options, (enrolments) => {
        const one = chosen(enrolments, word, ['pending', 'approved', 'denied', 'revoked']);
        enrolments.forget(one.digest);
        return one;
      });
      tell(options, found, `${fingerprintOf(found.digest)} is forgotten`);
    });
