import type { KeyObject } from 'node:crypto';
import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { readBody } from '../../host/http/read-body.ts';
import { askedWaitMs, retryAfterMs, ServerBusyError, soonestBusy } from '../../host/http/server-busy.ts';
import { retry } from '../../host/retry.ts';
import type { TaskContext } from '../../host/task-context.ts';
import {
  EnrolAnswer,
  type EnrolRequest,
  HostKeyAnswer,
  type HostKeyRequest,
  TokenAnswer,
} from '../../protocol/enrolment.ts';
import { Problem } from '../../protocol/problem.ts';
import { readAnswer, readSaid } from '../../protocol/read-answer.ts';
import { MachineSecrets } from '../../protocol/secrets.ts';
import { SecurePort } from '../../protocol/secure-port.ts';
import { makeCertificateRequest } from '../certificates/certificate-request.ts';
import type { Enrolling } from './enrolling.ts';
import { pemOf } from './machine-key.ts';
import { serverTrust } from './server-trust.ts';
import { hostKey, hostKeyFiles } from './ssh-host-key.ts';

type AskingHost = Pick<Host, 'files' | 'http' | 'clock'>;

const LARGEST_ANSWER_BYTES = 8 << 20;

export interface Credentials {
  readonly key: KeyObject;
  readonly caPem: string | undefined;
  readonly certificatePem: string | undefined;
}

export interface Asked {
  readonly server: string;
  readonly answer: EnrolAnswer;
  /** Absent where they could not be had after all. */
  readonly secrets?: MachineSecrets;
}

/** For how long busy servers are asked again, by all requests of one enrolment together; a boot must not stand still. */
const PATIENCE_MS = 30_000;
const MOST_TRIES = 5;

/** Runs the task again while a server is busy, as `Retry-After` says. */
type WhileBusy = <T>(task: () => Promise<T>) => Promise<T>;

/** Throws what it last got when the server asks for more patience than is left. */
function patience({ clock }: AskingHost, { say, signal }: TaskContext): WhileBusy {
  let untilMs: number | undefined;
  return (task) =>
    retry(
      clock,
      {
        tries: MOST_TRIES,
        baseMs: 1_000,
        maxMs: PATIENCE_MS,
        signal,
        giveUp(error) {
          const askedMs = askedWaitMs(error);
          if (askedMs === undefined) return true;
          untilMs ??= clock.uptimeMs() + PATIENCE_MS;
          return clock.uptimeMs() + askedMs > untilMs;
        },
        onRetry: ({ attempt, waitMs, error }) =>
          say(`${reasonOf(error)}; try ${attempt + 1} in ${(waitMs / 1000).toFixed(1)} s`),
      },
      task,
    );
}

/**
 * The first server that says something of this machine; undefined: none did, and why is told. Where all that are left are
 * busy, they are asked again, within a bound.
 */
export async function askInTurn(
  step: Enrolling,
  host: AskingHost,
  boot: TaskContext,
  own: Credentials,
): Promise<Asked | undefined> {
  // Where nothing depends on it, an older server is no trouble.
  const tell = step.isNeeded ? boot.warn : boot.say;
  const whileBusy = patience(host, boot);
  const left = new Set(step.urls);
  const askAll = async (): Promise<Asked | undefined> => {
    const failures: unknown[] = [];
    for (const server of left)
      try {
        return await askOne(step, host, boot, server, own, whileBusy);
      } catch (error) {
        boot.signal.throwIfAborted();
        failures.push(error);
        if (askedWaitMs(error) !== undefined) continue;
        left.delete(server);
        tell(`${server} did not say who this machine is: ${reasonOf(error)}`);
      }
    const busy = soonestBusy(failures);
    if (busy !== undefined) throw busy;
    return undefined;
  };
  try {
    return await whileBusy(askAll);
  } catch (error) {
    boot.signal.throwIfAborted();
    tell(`no server said who this machine is: ${reasonOf(error)}`);
    return undefined;
  }
}

async function askOne(
  step: Enrolling,
  host: AskingHost,
  boot: TaskContext,
  server: string,
  own: Credentials,
  whileBusy: WhileBusy,
): Promise<Asked> {
  const limits = { connectTimeoutMs: step.limits.connectMs, idleTimeoutMs: step.limits.stallMs, signal: boot.signal };
  const ask: Ask = async (url, more = {}) => {
    const response = await host.http.request(url.href, { ...limits, ...more });
    const body = await readBody(response.body, LARGEST_ANSWER_BYTES);
    const busyMs = retryAfterMs(response);
    if (busyMs !== undefined) throw new ServerBusyError(`${server} is busy`, busyMs);
    return { status: response.status, body };
  };
  /** Of a server that knows the machine by now: nobody else is asked, and busy for too long is an answer too. */
  const askOn: Ask = (url, more) =>
    whileBusy(() => ask(url, more)).catch((error) => {
      if (askedWaitMs(error) === undefined) throw error;
      return { status: 503, body: Buffer.from(JSON.stringify({ detail: 'it is busy' } satisfies Problem)) };
    });
  const tls = await ask(new URL('/v1/tls', server));
  const { value: port } = tls.status === 200 ? readSaid(tls.body, SecurePort) : {};
  if (!port) throw new StatectlError('no-authority', 'it enrols no machines');
  const secure = new URL(server);
  secure.protocol = 'https:';
  secure.port = String(port.port);
  const trust = serverTrust(own.caPem, step.authorities, port.name);
  const withTls = (certPem: string | undefined) => ({
    tls: { ...trust, ...(certPem && { certPem, keyPem: pemOf(own.key) }) },
  });
  const token =
    step.trust === 'network' && own.certificatePem === undefined ? await askToken(ask, server, step) : undefined;
  const request: EnrolRequest = { request: await makeCertificateRequest(own.key), machine: step.machine, token };
  const enrolled = await ask(new URL('/v1/enrol', secure), { ...post(request), ...withTls(own.certificatePem) });
  if (![200, 202, 403].includes(enrolled.status)) throw new StatectlError('enrolment-failed', whyNot(enrolled));
  const answer = readAnswer(server, enrolled.body, EnrolAnswer);
  if (answer.state !== 'approved') return { server, answer };
  const given = await askOn(new URL('/v1/secrets', secure), withTls(answer.certificatePem));
  const { value: secrets, fault } =
    given.status === 200 ? readSaid(given.body, MachineSecrets) : { fault: whyNot(given) };
  if (fault !== undefined) boot.warn(`${server} gave no secrets: ${fault}`);
  const signHostKey = async (): Promise<void> => {
    const wish: HostKeyRequest = { publicKey: await hostKey(host, step.home) };
    const url = new URL('/v1/ssh/host-certificate', secure);
    const signed = await askOn(url, { ...post(wish), ...withTls(answer.certificatePem) });
    if (signed.status !== 200) throw new StatectlError('host-key-unsigned', whyNot(signed));
    const { certificate } = readAnswer(server, signed.body, HostKeyAnswer);
    await host.files.write(hostKeyFiles(step.home).certificate, certificate);
  };
  if (step.hostCertificate)
    // The certificate and the secrets are of use without it.
    await signHostKey().catch((error) => {
      boot.signal.throwIfAborted();
      boot.warn(`${server} did not sign the SSH host key: ${reasonOf(error)}`);
    });
  return { server, answer, ...(secrets && { secrets }) };
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** One request, whatever it is answered with. Throws for a server that is busy, or away. */
type Ask = (url: URL, more?: object) => Promise<Answer>;

const post = (body: object) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const whyNot = ({ status, body }: Answer): string => readSaid(body, Problem).value?.detail ?? `status ${status}`;

/** Only where the record of the machine trusts the network; without one it waits for a person, as others do. */
async function askToken(ask: Ask, server: string, { machine }: Enrolling): Promise<string | undefined> {
  const url = new URL('/v1/token', server);
  url.search = String(new URLSearchParams({ ...machine }));
  const { status, body } = await ask(url, { method: 'POST', body: '' });
  return status === 200 ? readAnswer(server, body, TokenAnswer).token : undefined;
}
