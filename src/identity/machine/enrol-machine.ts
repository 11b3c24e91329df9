import { type KeyObject, X509Certificate } from 'node:crypto';
import { reasonOf } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import type { MachineSecrets } from '../../protocol/secrets.ts';
import { fingerprintOf, keyDigest } from '../certificates/fingerprint.ts';
import { askInTurn } from './ask-servers.ts';
import type { Enrolling } from './enrolling.ts';
import { bootHome, identityFiles, type MachineIdentityState } from './identity-files.ts';
import { keepSecrets, readKeptSecrets } from './kept-secrets.ts';
import { type MachineKey, machineKey, pemOf } from './machine-key.ts';
import { bakedAuthorities } from './server-trust.ts';
import { hostKeyFiles } from './ssh-host-key.ts';

type EnrolHost = Pick<Host, 'files' | 'http' | 'clock' | 'tpm'>;

/**
 * Proves to the servers, in order, who this machine is, and gets its certificate and secrets; where none answers, those that
 * it kept count as long as its certificate does. What became of it is in `state.json`, without any secret. A machine that is
 * refused or has to wait boots all the same.
 */
export async function enrolMachine(step: Enrolling, host: EnrolHost, boot: TaskContext): Promise<void> {
  const { files } = host;
  const { key, is: keyIs } = await machineKey(host, identityFiles(step.home).key, step.isKept, boot.warn);
  // What belongs to a kept key stays as it is while that cannot be opened.
  const home = step.isKept && keyIs === 'ram' ? bootHome(step.to) : step.home;
  await files.mkdir(home, 0o700);
  const own = identityFiles(home);
  const caPem = await bakedAuthorities(host);
  const certificatePem = await usableCertificate(host, own.certificate, key);
  const fingerprint = fingerprintOf(keyDigest(key));
  const canTrust = caPem !== undefined || step.authorities.length > 0;
  const asked = canTrust ? await askInTurn(step, host, boot, { key, caPem, certificatePem }) : undefined;
  let state: MachineIdentityState;
  let secrets: MachineSecrets | undefined;
  if (asked?.answer.state === 'approved') {
    await files.write(own.certificate, asked.answer.certificatePem);
    secrets = asked.secrets ?? (await readKeptSecrets(host, home).catch(() => undefined));
    if (asked.secrets)
      await keepSecrets(host, home, asked.secrets).catch((error) =>
        boot.warn(`the secrets are not kept for a boot without a server: ${reasonOf(error)}`),
      );
    state = {
      state: 'approved',
      fingerprint,
      node: asked.answer.node,
      proof: asked.answer.proof,
      server: asked.server,
    };
  } else if (asked) {
    // A key that counts no more must not go on living from what it was given.
    for (const path of [own.certificate, own.secrets, hostKeyFiles(home).certificate]) await files.remove(path);
    state = { state: asked.answer.state, fingerprint, server: asked.server };
    boot.warn(
      asked.answer.state === 'pending'
        ? waiting(fingerprint)
        : `the server refuses this machine: its key ${fingerprint} was denied or revoked`,
    );
  } else {
    const isValid = certificatePem !== undefined && isValidAt(certificatePem, host.clock.now());
    if (isValid) secrets = await readKeptSecrets(host, home).catch(() => undefined);
    state = { state: 'offline', fingerprint };
    if (step.isNeeded)
      boot.warn(
        isValid
          ? 'no server to prove this machine to: its certificate and secrets of an earlier boot are in force'
          : 'no server to prove this machine to, and nothing kept that is still valid: it boots without secrets',
      );
  }
  await putInPlace(host, step.to, {
    key,
    caPem,
    certificatePem: await usableCertificate(host, own.certificate, key),
    secrets,
    state: { ...state, key: keyIs },
  });
  for (const [path, why] of Object.entries(secrets?.missing ?? {})) boot.warn(`no secret for ${path}: ${why}`);
}

const waiting = (fingerprint: string): string =>
  `this machine waits to be approved. Compare on the server: statectl node approve ${fingerprint}`;

async function usableCertificate({ files }: EnrolHost, path: string, key: KeyObject): Promise<string | undefined> {
  const pem = await files.readText(path).catch(() => undefined);
  try {
    return pem !== undefined && new X509Certificate(pem).checkPrivateKey(key) ? pem : undefined;
  } catch {
    return undefined;
  }
}

const isValidAt = (pem: string, nowMs: number): boolean => nowMs < new X509Certificate(pem).validToDate.getTime();

/** All in RAM: the files for services, and for the boot what goes where, without what it is. */
async function putInPlace(
  { files }: EnrolHost,
  to: string,
  {
    key,
    caPem,
    certificatePem,
    secrets,
    state,
  }: {
    readonly key: KeyObject;
    readonly caPem: string | undefined;
    readonly certificatePem: string | undefined;
    readonly secrets: MachineSecrets | undefined;
    readonly state: MachineIdentityState & { readonly key: MachineKey['is'] };
  },
): Promise<void> {
  await files.remove(to);
  await files.mkdir(`${to}/secrets`, 0o711);
  // Also without a certificate: the agent asks for one with it.
  await files.write(`${to}/key.pem`, pemOf(key), { mode: 0o600 });
  if (certificatePem !== undefined) await files.write(`${to}/cert.pem`, certificatePem);
  if (caPem !== undefined) await files.write(`${to}/ca.pem`, caPem);
  if (secrets) await files.write(`${to}/passwords.json`, JSON.stringify(secrets.passwords), { mode: 0o600 });
  const places = [];
  for (const [index, { content, ...place }] of (secrets?.secrets ?? []).entries()) {
    const file = `${to}/secrets/${index}`;
    await files.write(file, Buffer.from(content, 'base64'), { mode: 0o600 });
    places.push({ ...place, file });
  }
  const until = certificatePem && new X509Certificate(certificatePem).validToDate.getTime();
  await files.write(
    `${to}/state.json`,
    JSON.stringify({
      ...state,
      ...(until && { certificateUntilMs: until }),
      secrets: places,
      missing: secrets?.missing ?? {},
    }),
    { mode: 0o600 },
  );
}
