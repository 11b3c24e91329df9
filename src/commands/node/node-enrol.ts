import { Command } from 'commander';
import { StatectlError } from '../../error.ts';
import { linuxHost } from '../../host/linux/host.ts';
import { fingerprintOf, parseFingerprint } from '../../identity/certificates/fingerprint.ts';
import type { Enrolment } from '../../server/machines/enrolment.ts';
import { type Enrolments, openEnrolments } from '../../server/machines/enrolments.ts';
import { nodesDatabasePath } from '../../server/machines/nodes-database.ts';
import { knownHostsLine, sshAuthority } from '../../server/machines/ssh-authority.ts';
import { openStore } from '../../server/store/store.ts';
import { asciiTable } from '../ascii-table.ts';
import { jsonOption } from '../config/config-source.ts';
import { print, printJson, printLine } from '../print.ts';
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

async function withEnrolments<T>({ state }: EnrolOptions, use: (enrolments: Enrolments) => T): Promise<T> {
  const { root } = await openStore(state, linuxHost(), 'existing');
  using enrolments = openEnrolments(nodesDatabasePath(root), linuxHost().clock.now);
  return use(enrolments);
}

/** Its key, whatever it is called. Throws `enrolment-unknown`, `enrolment-ambiguous`. */
function ofFingerprint(enrolments: Enrolments, fingerprint: string): Enrolment {
  const [one, ...others] = enrolments.list().filter(({ digest }) => fingerprintOf(digest) === fingerprint);
  if (one === undefined)
    throw new StatectlError('enrolment-unknown', `no machine of that fingerprint: ${fingerprint}`, {
      hint: 'see `statectl node pending --all`; the machine shows its fingerprint on its console',
    });
  if (others.length > 0)
    throw new StatectlError('enrolment-ambiguous', `${others.length + 1} keys have the fingerprint ${fingerprint}`, {
      hint: 'that is no accident: deny nothing and approve nothing before you know who made them',
    });
  return one;
}

/**
 * One that waits is known by its fingerprint alone: a name is what it says, and another may say so a moment later. Throws
 * `fingerprint-needed`, `enrolment-unknown`, `enrolment-ambiguous`.
 */
function byFingerprint(verb: string, enrolments: Enrolments, word: string): Enrolment {
  const fingerprint = parseFingerprint(word);
  if (fingerprint !== undefined) return ofFingerprint(enrolments, fingerprint);
  const meant = enrolments
    .list()
    .filter(({ node, digest, state }) => (node === word && state !== 'approved') || isStartOf(word, digest))
    .map(({ digest }) => fingerprintOf(digest));
  throw new StatectlError('fingerprint-needed', `"${word}" is no fingerprint, and a name proves nothing`, {
    hint:
      meant.length > 0
        ? `compare with what the machine shows on its console, then: ${meant.map((one) => `statectl node ${verb} ${one}`).join('; or: ')}`
        : 'it is twenty letters, a-z and 2-7, such as k7fj-2m4q-aaxz-7ddo-q3ba: see `statectl node pending`',
  });
}

const isStartOf = (word: string, digest: string): boolean =>
  word.length >= 4 && fingerprintOf(digest).startsWith(word.toLowerCase());

/** By fingerprint, or by node where one of its keys is in one of the states. Throws `enrolment-unknown`, `enrolment-ambiguous`. */
function chosen(enrolments: Enrolments, word: string, states: readonly Enrolment['state'][]): Enrolment {
  const fingerprint = parseFingerprint(word);
  if (fingerprint !== undefined) return ofFingerprint(enrolments, fingerprint);
  const [one, ...others] = enrolments.list().filter(({ node, state }) => node === word && states.includes(state));
  if (one === undefined)
    throw new StatectlError('enrolment-unknown', `no machine of that fingerprint or name: ${word}`, {
      hint: 'see `statectl node pending --all`; the machine shows its fingerprint on its console',
    });
  // Somebody pretends to be this node: the name does not say who is meant.
  if (others.length > 0)
    throw new StatectlError('enrolment-ambiguous', `${others.length + 1} keys say that they are ${word}`, {
      hint: `name one by its fingerprint: ${[one, ...others].map(({ digest }) => fingerprintOf(digest)).join(', ')}`,
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
  json ? printJson(asJson(enrolment)) : printLine(`${text}`);

export const nodePendingVerb = (): Command =>
  enrolVerb('pending', 'machines that wait for somebody to compare their fingerprints', 'statectl node pending')
    .option('--all', 'those that were decided, too')
    .action(async (options: EnrolOptions & { readonly all?: true }) => {
      const found = await withEnrolments(options, (enrolments) => enrolments.list(options.all ? undefined : 'pending'));
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
      const approved = await withEnrolments(options, (enrolments) => {
        const found = byFingerprint('approve', enrolments, fingerprint);
        const node = options.node ?? found.node;
        if (node === undefined)
          throw new StatectlError('node-missing', `config.d names no node for ${found.claims.mac ?? 'this machine'}`, {
            hint: `say which it is: --node NAME; \`statectl node add NAME --mac ${found.claims.mac ?? 'MAC'}\` makes one`,
          });
        return enrolments.approve({ ...found, node, proof: 'person' });
      });
      tell(options, approved, `${approved.node} is known by ${fingerprintOf(approved.digest)} now`);
    });

const decided = (
  state: 'denied' | 'revoked',
  options: EnrolOptions,
  choose: (enrolments: Enrolments) => Enrolment,
): Promise<void> =>
  withEnrolments(options, (enrolments) => {
    const one = choose(enrolments);
    enrolments.decide(one.digest, state);
    return { ...one, state };
  }).then((found) =>
    tell(options, found, `${fingerprintOf(found.digest)} is ${state}: it gets neither certificate nor secrets`),
  );

export const nodeDenyVerb = (): Command =>
  enrolVerb(
    'deny',
    'refuse a machine that waits, now and whenever it asks',
    'statectl node deny k7fj-2m4q-aaxz-7ddo-q3ba',
  )
    .argument('<fingerprint>', 'as `statectl node pending` shows it')
    .action((word: string, options: EnrolOptions) =>
      decided('denied', options, (enrolments) => byFingerprint('deny', enrolments, word)),
    );

export const nodeRevokeVerb = (): Command =>
  enrolVerb(
    'revoke',
    'let the key of a machine count no more, such as that of a stolen one',
    'statectl node revoke k7fj-2m4q-aaxz-7ddo-q3ba',
  )
    .argument('<machine>', 'fingerprint, or name of the node')
    .action((word: string, options: EnrolOptions) =>
      decided('revoked', options, (enrolments) => chosen(enrolments, word, ['approved'])),
    );

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
      else printLine(`${line}`);
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
