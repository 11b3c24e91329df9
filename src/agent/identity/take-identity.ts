import { X509Certificate } from 'node:crypto';
import type { TaskContext } from '../../host/task-context.ts';
import type { Asked } from '../../identity/machine/ask-servers.ts';
import { identityFiles } from '../../identity/machine/identity-files.ts';
import { hostKeyFiles, placeHostKey } from '../../identity/machine/ssh-host-key.ts';
import { bringAccounts } from '../../machine/accounts/merge-accounts.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { HOST_KEY, IDENTITY, type IdentityState, PASSWORDS } from '../../machine/identity/identity.ts';
import { isEtcWritable } from '../../machine/install/plan-install.ts';
import type { StepOf } from '../../machine/steps/step.ts';
import { identityPart } from '../../on-demand.ts';
import type { EnrolAnswer } from '../../protocol/enrolment.ts';
import type { AgentHost } from '../agent.ts';
import { replaceSecrets } from '../apply/live-secrets.ts';
import { reloadService, reloadSshd } from '../apply/tell-services.ts';
import { standingLocks } from '../printers/standing-locks.ts';

export interface IdentityContext {
  readonly booted: Facts;
  readonly facts: Facts;
  readonly enrol: StepOf<'enrol'>;
  readonly state: IdentityState;
  readonly context: TaskContext;
}

/**
 * Puts in place what a server gave: for the next boot, then for who runs. The key stays, so that whoever reads certificate and key
 * at any moment has two that belong together. Gives when the certificate ends, Unix ms, and which services are still to be told.
 */
export async function takeIdentity(
  host: AgentHost,
  { booted, facts, enrol, state, context }: IdentityContext,
  asked: Asked,
  answer: Extract<EnrolAnswer, { state: 'approved' }>,
): Promise<{ readonly endsMs: number; readonly untold: readonly string[] }> {
  const { files } = host;
  const { warn } = context;
  const own = identityFiles(enrol.home);
  await files.write(own.certificate, answer.certificatePem);
  await files.write(`${IDENTITY}/cert.pem`, answer.certificatePem);
  const { secrets } = asked;
  if (secrets) {
    const { keepSecrets } = await identityPart();
    await keepSecrets(host, enrol.home, secrets).catch(() => warn('the secrets cannot be kept for the next boot'));
    await replacePasswords(host, facts, booted, JSON.stringify(secrets.passwords), context);
    for (const [path, why] of Object.entries(secrets.missing)) warn(`no secret for ${path}: ${why}`);
  }
  const placed = secrets ? await replaceSecrets(host, state.secrets, secrets.secrets, warn) : state.secrets;
  const endsMs = new X509Certificate(answer.certificatePem).validToDate.getTime();
  const now: IdentityState = {
    ...state,
    state: 'approved',
    node: answer.node,
    proof: answer.proof,
    server: asked.server,
    certificateUntilMs: endsMs,
    secrets: placed,
    missing: secrets?.missing ?? state.missing,
  };
  await files.write(`${IDENTITY}/state.json`, JSON.stringify(now), { mode: 0o600 });
  await tellSshd(host, booted, enrol.home, warn);
  return { endsMs, untold: await tellServices(host, booted, facts.config.identity.certificate.services, warn) };
}

/** Hashes of passwords are where the accounts are made from. */
async function replacePasswords(
  host: AgentHost,
  facts: Facts,
  booted: Facts,
  passwords: string,
  context: TaskContext,
): Promise<void> {
  const { files } = host;
  if ((await files.readText(PASSWORDS).catch(() => '{}')) === passwords) return;
  await files.write(PASSWORDS, passwords, { mode: 0o600 });
  const { users } = facts.config;
  if (isEtcWritable(booted)) await bringAccounts({ root: '/', users, passwords: PASSWORDS }, host, context);
}

async function tellSshd(host: AgentHost, booted: Facts, home: string, warn: (text: string) => void): Promise<void> {
  const { serviceManager: manager, needsHostKey } = booted.system.install ?? {};
  if (!needsHostKey || (await hostCertificate(host, home)) === (await hostCertificate(host, HOST_KEY))) return;
  await placeHostKey(host, home, HOST_KEY);
  const why = manager && (await reloadSshd(host, manager));
  if (why) warn(`sshd does not read its new certificate: ${why}`);
}

/**
 * Those that config.d names read their certificate again. One that cannot is restarted: nobody is told while something must not be
 * disturbed. Gives those that are still to be told.
 */
export async function tellServices(
  host: AgentHost,
  booted: Facts,
  services: readonly string[],
  warn: (text: string) => void,
): Promise<readonly string[]> {
  const manager = booted.system.install?.serviceManager;
  if (!manager || services.length === 0) return [];
  if ((await standingLocks(host)).length > 0) return services;
  for (const service of services) {
    const why = await reloadService(host, manager, service);
    if (why) warn(`${service} does not read its new certificate: ${why}`);
  }
  return [];
}

const hostCertificate = (host: AgentHost, folder: string): Promise<string> =>
  host.files.readText(hostKeyFiles(folder).certificate).catch(() => '');
