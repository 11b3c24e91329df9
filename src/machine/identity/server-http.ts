import { createPrivateKey, X509Certificate } from 'node:crypto';
import { secretName } from '../../config/secret-name.ts';
import { reasonOf } from '../../error.ts';
import type { Host, Http, TlsMaterial } from '../../host/host.ts';
import { identityFiles } from '../../identity/machine/identity-files.ts';
import { bakedAuthorities } from '../../identity/machine/server-trust.ts';
import type { Facts } from '../facts/facts.ts';
import { at, type Roots, RUNNING } from '../roots.ts';
import { IDENTITY, identityHome } from './identity.ts';

type OwnCertificate = Required<Pick<TlsMaterial, 'certPem' | 'keyPem'>>;
type Warn = (text: string) => void;

/**
 * HTTP for one boot: an https request to a server of server.info.conf is held to its `authorities` and, with
 * `authentication: mtls`, shows the certificate of this machine, where it has one that counts today. Other hosts never see
 * it. A machine without one asks without, and says so: it could not enrol otherwise. `credentials` is the folder of those that
 * config.d names: of the machine segment, or where the running system has them; what the machine itself kept is at `roots`.
 */
export function serverHttp(
  host: Pick<Host, 'files' | 'http' | 'tpm' | 'clock'>,
  credentials: string,
): (facts: Facts, warn: Warn, roots?: Roots) => Http {
  const told = new Set<string>();
  // A TPM may take a second to open it.
  const opened = new Map<string, Promise<string>>();
  const open = (path: string): Promise<string> => {
    const text = opened.get(path) ?? openPrivate(host, path);
    opened.set(path, text);
    return text;
  };
  return (facts, warn, roots = RUNNING) => {
    const once: Warn = (text) => {
      if (!told.has(text)) warn(text);
      told.add(text);
    };
    return {
      async request(address, request = {}) {
        // The first phase asks nobody, and has no config yet.
        const server = (facts as Partial<Facts>).config?.server;
        const plain = () => host.http.request(address, request);
        if (!server || request.tls || !isOneOf(address, server.servers)) return plain();
        const { origin, protocol } = new URL(address);
        const isMutual = server.authentication === 'mtls';
        if (protocol !== 'https:') {
          if (isMutual) once(`${origin} is asked without a certificate: mtls of server.info.conf needs https`);
          return plain();
        }
        const own = isMutual
          ? await ownCertificate(host, facts, { credentials, home: at(roots, identityHome(facts)) }, open, once)
          : undefined;
        const machineAuthoritiesPem = await bakedAuthorities(host);
        const caPem = server.authorities.map((pem) => `${pem.trim()}\n`).join('');
        if (!own && caPem === '') return plain();
        return host.http.request(address, {
          ...request,
          tls: { ...(caPem !== '' && { caPem }), ...(machineAuthoritiesPem && { machineAuthoritiesPem }), ...own },
        });
      },
    };
  };
}

const isOneOf = (address: string, servers: readonly string[]): boolean =>
  URL.canParse(address) &&
  servers.some((server) => URL.canParse(server) && new URL(server).origin === new URL(address).origin);

/** Of the machine segment where config.d names it; else what this boot enrolled with, or what an earlier one kept. */
async function ownCertificate(
  { files, clock }: Pick<Host, 'files' | 'clock'>,
  facts: Facts,
  { credentials: given, home }: { readonly credentials: string; readonly home: string },
  open: (path: string) => Promise<string>,
  once: Warn,
): Promise<OwnCertificate | undefined> {
  const { credentials } = facts.config.server;
  const kept = identityFiles(home);
  const segment = (reference: string) => `${given}/${secretName(reference)}`;
  const places = credentials
    ? [{ certificate: segment(credentials.certificate), key: segment(credentials.key) }]
    : [{ certificate: `${IDENTITY}/cert.pem`, key: `${IDENTITY}/key.pem` }, kept];
  const faults: string[] = [];
  for (const { certificate, key } of places) {
    const certPem = await files.readText(certificate).catch(() => undefined);
    if (certPem === undefined) continue;
    try {
      // What this boot has in RAM may be another one than a moment ago.
      const keyPem = key === kept.key ? await open(key) : await files.readText(key);
      const fault = faultOf(certPem, keyPem, clock.now());
      if (fault === undefined) return { certPem, keyPem };
      faults.push(`${certificate} ${fault}`);
    } catch (error) {
      faults.push(reasonOf(error));
    }
  }
  const why = faults[0] ?? (credentials ? `there is no ${places[0]?.certificate}` : 'it has none yet');
  once(`the servers are asked without a certificate of this machine (mtls of server.info.conf): ${why}`);
  return undefined;
}

/** Servers refuse such a certificate, and some the whole connection. */
function faultOf(certPem: string, keyPem: string, nowMs: number): string | undefined {
  const certificate = new X509Certificate(certPem);
  const { validFromDate, validToDate } = certificate;
  if (!certificate.checkPrivateKey(createPrivateKey(keyPem))) return 'belongs to another key';
  if (nowMs >= validToDate.getTime()) return `counted until ${validToDate.toISOString()}`;
  return nowMs < validFromDate.getTime() ? `counts from ${validFromDate.toISOString()}` : undefined;
}

async function openPrivate(host: Pick<Host, 'files' | 'tpm'>, path: string): Promise<string> {
  const { readPrivate } = await import('../../identity/machine/sealed-file.ts');
  return (await readPrivate(host, path)).text;
}
