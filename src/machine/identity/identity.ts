import { reasonOf } from '../../error.ts';
import { serversInOrder } from '../../fetch/choose-servers.ts';
import { machineClaims } from '../../fetch/machine-claims.ts';
import type { Files } from '../../host/host.ts';
import { recordOrNone } from '../../host/record.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { deliveryPlaces } from '../delivery/delivery.ts';
import { userDataDevice } from '../facts/disks.ts';
import type { Facts } from '../facts/facts.ts';
import type { IdentityFacts } from '../facts/system-facts.ts';
import { RUN } from '../paths.ts';
import type { MachineHost } from '../roots.ts';
import type { Step } from '../steps/step.ts';
import { planTime } from '../time/clock.ts';

const KEPT_IDENTITY = '/user-data/persistent/statectl/identity';
/** Certificate, key and secrets of the running system, all in RAM. */
export const IDENTITY = `${RUN}/identity`;
export const HOST_KEY = `${RUN}/ssh`;
/** Password hashes by user, of mode 0600. */
export const PASSWORDS = `${IDENTITY}/passwords.json`;

/** Something depends on who it is. */
const needsIdentity = ({ config: { identity, users, server, state } }: Facts): boolean =>
  (server.authentication === 'mtls' && server.credentials === undefined) ||
  Object.keys(identity.secrets).length + identity.names.length + identity.certificate.services.length > 0 ||
  // All state goes over mTLS.
  Object.keys(state.printers).length > 0 ||
  Object.values(users.users).some(({ password }) => password?.startsWith('secret:'));

/** A machine that config.d does not name has nobody to prove anything to. */
const wantsIdentity = (facts: Facts): boolean =>
  needsIdentity(facts) || (facts.bundle.inForce?.node !== undefined && facts.config.ssh.hostCertificate);

/** Where the keys of this machine are kept: without a disk in RAM, for this boot. */
export const identityHome = (facts: Facts): string => (userDataDevice(facts) ? KEPT_IDENTITY : `${RUN}/identity.key`);

export function planEnrolment(facts: Facts): readonly Step[] {
  if (!wantsIdentity(facts)) return [];
  const { authorities, connectMs, stallMs, tries } = facts.config.server;
  const { first, last } = serversInOrder(facts);
  const hasNetwork = (facts.network.leases ?? []).length > 0;
  return [
    // Certificates have dates.
    ...planTime(facts),
    {
      kind: 'enrol',
      urls: hasNetwork ? [...first, ...last].filter((server) => URL.canParse('/', server)) : [],
      machine: { ...machineClaims(facts) },
      trust: facts.config.identity.trust,
      authorities,
      home: identityHome(facts),
      isKept: userDataDevice(facts) !== undefined,
      to: IDENTITY,
      hostCertificate: facts.config.ssh.hostCertificate,
      isNeeded: needsIdentity(facts),
      limits: { connectMs, stallMs, tries },
    },
  ];
}

/** What came of it, and where each secret goes in the system that is about to start. */
export async function identityFacts(
  host: MachineHost,
  facts: Facts,
  boot: TaskContext,
): Promise<IdentityFacts | undefined> {
  if (!wantsIdentity(facts)) return undefined;
  const state = await readIdentityState(host.files);
  if (state === undefined) return undefined;
  const place = await deliveryPlaces(host);
  const secrets: IdentityFacts['secrets'][number][] = [];
  for (const { path, file, owner, group, credential } of state.secrets)
    try {
      secrets.push({ ...(await place({ path, owner, group })), file, ...(credential && { credential }) });
    } catch (error) {
      boot.warn(`the secret for ${path} is not delivered: ${reasonOf(error)}`);
    }
  return { ...state, secrets };
}

/** `state.json` beside them: what came of it, without any secret. */
export interface IdentityState extends Omit<IdentityFacts, 'secrets'> {
  readonly secrets: readonly {
    readonly path: string;
    readonly file: string;
    readonly owner: string;
    readonly group: string;
    readonly credential?: string;
  }[];
}

/** undefined: no boot asked who it is, or the record is torn. */
export async function readIdentityState(files: Pick<Files, 'readText'>): Promise<IdentityState | undefined> {
  const text = await files.readText(`${IDENTITY}/state.json`).catch(() => undefined);
  return recordOrNone<IdentityState>(text, { state: 'text', fingerprint: 'text', secrets: 'list', missing: 'mapping' });
}

/** Its own host key for an image that has sshd and none, so that clients know the machine over boots. Pure. */
export function planHostKey(facts: Facts): readonly Step[] {
  if (!facts.system.install?.needsHostKey) return [];
  const dropIns = '/etc/ssh/sshd_config.d';
  return [
    { kind: 'ssh-host-key', home: identityHome(facts), to: HOST_KEY },
    { kind: 'mkdir', path: dropIns, mode: 0o755 },
    { kind: 'symlink', target: `${HOST_KEY}/sshd.conf`, path: `${dropIns}/20-statectl-host-key.conf` },
  ];
}

/** Files in RAM wherever their places are: what lies there is a link. Pure. */
export function planSecrets({ system: { identity } }: Facts): readonly Step[] {
  if (!identity) return [];
  return identity.secrets.flatMap(({ file, to, uid, gid, credential }): readonly Step[] => [
    { kind: 'owner', path: file, uid, gid },
    { kind: 'mkdir', path: to.slice(0, to.lastIndexOf('/')) || '/' },
    { kind: 'symlink', target: file, path: to },
    ...(credential
      ? [
          { kind: 'mkdir', path: '/run/credstore', mode: 0o700 } as const,
          { kind: 'symlink', target: file, path: `/run/credstore/${credential}` } as const,
        ]
      : []),
  ]);
}
