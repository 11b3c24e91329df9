import { constants } from 'node:crypto';
import type { Server, TLSSocket } from 'node:tls';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { StatectlError } from '../error.ts';
import type { Clock } from '../host/host.ts';
import { readCertificateRequest } from '../identity/certificates/certificate-request.ts';
import { keyDigest } from '../identity/certificates/fingerprint.ts';
import type { Claims } from '../protocol/claims.ts';
import type { KeptDisks } from '../protocol/disks.ts';
import { EnrolRequest, type HostKeyAnswer, HostKeyRequest } from '../protocol/enrolment.ts';
import { accessLog } from './access-log.ts';
import type { EventHub } from './events/event-hub.ts';
import { eventRoutes } from './events/event-routes.ts';
import { boundConnections, MOST_CONNECTIONS_OF_STRANGERS } from './limits/connection-bound.ts';
import { senderOf } from './limits/sender.ts';
import { turns } from './limits/turns.ts';
import { type EnrolOptions, enrol, refuseNamesOf } from './machines/enrol.ts';
import type { Enrolment } from './machines/enrolment.ts';
import { machineReader, type ReadMachine } from './machines/machine-reader.ts';
import { type ReadSecret, secretsFor } from './machines/secrets.ts';
import type { ServerCertificate } from './machines/server-certificate.ts';
import type { SignHostKey } from './machines/ssh-authority.ts';
import { answerNoHttp } from './problem.ts';
import { answerBeforeRoutes, answerProblems } from './problem-answers.ts';
import type { KeepReport } from './reports/report-keeper.ts';
import { reportRoute } from './reports/report-routes.ts';
import type { PrinterState } from './state/printer-state.ts';
import { stateRoutes } from './state/state-routes.ts';
import type { NodesStore } from './store/nodes-store.ts';

export interface SecureAppOptions extends EnrolOptions {
  readonly clock: Clock;
  readonly log: (line: string) => void;
  /** Default: one that tells nobody. */
  readonly readMachine?: ReadMachine;
  /** What it shows of itself. */
  readonly certificate: ServerCertificate;
  /** Those whose certificates machines may show (PEM). */
  readonly authorities: readonly string[];
  readonly readSecret: ReadSecret;
  /** An SSH host certificate. */
  readonly signHostKey: SignHostKey;
  /** Takes the reports of machines; absent where none are kept. */
  readonly keepReport?: KeepReport;
  /** The tables of disks that a machine reported; absent where no reports are kept. */
  readonly disksOf?: (node: string) => Promise<KeptDisks>;
  /** The states of print hosts; absent where none are kept. */
  readonly printers?: PrinterState;
  /** Hears where machines are that proved themselves. */
  readonly heard?: (remote: string) => void;
  /** Absent where machines are told nothing while they run. */
  readonly events?: { readonly hub: EventHub; readonly contentDigest?: (machine: Claims) => Promise<string> };
}

const LARGEST_BODY_BYTES = 64 * 1024;
const IDLE_MS = 60_000;
/** Each runs a program. A room of machines that starts at once waits some seconds at most. */
const SIGNING = { atOnce: 2, waiting: 256, each: 2 };
/** Each decrypts what it names; a machine asks once at its boot. */
const GIVING = { atOnce: 8, waiting: 2_048, each: 4 };
/** A signature to check, the database, a certificate. As many of an address as may connect from it: a room of machines waits. */
const ENROLLING = { atOnce: 4, waiting: 8 * MOST_CONNECTIONS_OF_STRANGERS, each: MOST_CONNECTIONS_OF_STRANGERS };

/** The routes that need to know who asks, over TLS 1.3. A machine shows its certificate where a route wants one. */
export function createSecureApp(options: SecureAppOptions): FastifyInstance {
  const { clock, certificate, authorities } = options;
  const access = accessLog(clock, options.log);
  const readMachine = options.readMachine ?? machineReader(() => {});
  const signing = turns(SIGNING);
  const enrolling = turns(ENROLLING);
  const giving = turns(GIVING);
  const app = fastify({
    logger: false,
    bodyLimit: LARGEST_BODY_BYTES,
    connectionTimeout: IDLE_MS,
    requestTimeout: IDLE_MS,
    forceCloseConnections: 'idle',
    clientErrorHandler: answerNoHttp,
    frameworkErrors: answerBeforeRoutes(access),
    https: {
      handshakeTimeout: IDLE_MS,
      key: certificate.keyPem,
      cert: certificate.pem,
      ca: [...authorities],
      minVersion: 'TLSv1.3',
      requestCert: true,
      // Who shows none may still enrol; each route looks for itself.
      rejectUnauthorized: false,
      // A resumed session would not show the certificate again.
      secureOptions: constants.SSL_OP_NO_TICKET,
    },
  }) as unknown as FastifyInstance;
  access.install(app);
  boundConnections(app.server as unknown as Server, shownDigest);
  answerProblems(app, clock);

  app.post('/v1/enrol', async (request, reply) => {
    const body = EnrolRequest.safeParse(request.body);
    if (!body.success) throw new StatectlError('request-invalid', 'an enrolment is {request, machine, token?}');
    const { machine, token } = body.data;
    const earlierDigest = shownDigest(request.raw.socket as TLSSocket);
    // Who was here before waits for no stranger at its address.
    const result = await enrolling.take(earlierDigest ?? senderOf(request.ip), async () =>
      enrol(options, {
        publicKey: await readCertificateRequest(body.data.request),
        claims: readMachine(machine),
        remote: request.ip,
        ...(earlierDigest !== undefined && { earlierDigest }),
        ...(token !== undefined && { token }),
      }),
    );
    if (result.state === 'approved') options.heard?.(request.ip);
    const status = { approved: 200, pending: 202, denied: 403 }[result.state];
    return reply.code(status).header('cache-control', 'no-store').send(result);
  });

  app.get('/v1/secrets', async (request, reply) => {
    const enrolment = await machineOf(options, request);
    const identity = await options.nodes.ofNode(enrolment.node);
    if (!identity) throw new StatectlError('node-unknown', `config.d has no node ${enrolment.node} any more`);
    const secrets = await giving.take(enrolment.node, () => secretsFor(identity, enrolment, options.readSecret));
    return reply.header('cache-control', 'no-store').send(secrets);
  });
  app.post('/v1/ssh/host-certificate', async (request, reply) => {
    const { node } = await machineOf(options, request);
    const found = await options.nodes.ofNode(node);
    if (!found) throw new StatectlError('node-unknown', `config.d has no node ${node} any more`);
    const body = HostKeyRequest.safeParse(request.body);
    if (!body.success) throw new StatectlError('request-invalid', 'a host key is {publicKey}');
    refuseNamesOf(found);
    const { names, certificate } = found.identity;
    const wish = { publicKey: body.data.publicKey, node, names, lifetimeMs: certificate.lifetimeMs };
    const signed = await signing.take(node, () => options.signHostKey(wish));
    return reply.header('cache-control', 'no-store').send({ certificate: signed } satisfies HostKeyAnswer);
  });
  if (options.disksOf) {
    const { disksOf } = options;
    app.get('/v1/disks', async (request, reply) =>
      reply.header('cache-control', 'no-store').send(await disksOf((await machineOf(options, request)).node)),
    );
  }
  if (options.keepReport) {
    const { keepReport } = options;
    reportRoute(app, async (report, request) => {
      const { node, digest } = await machineOf(options, request);
      return keepReport(report, request.ip, { node, digest });
    });
  }
  if (options.printers) {
    const { printers } = options;
    const printersOf = async (node: string) => (await options.nodes.ofNode(node))?.printers ?? new Map();
    app.register((scope) =>
      stateRoutes(scope, { printers, printersOf, machineOf: (request) => machineOf(options, request) }),
    );
  }
  if (options.events)
    eventRoutes(app, {
      ...options.events,
      readerOf: (request) => machineOf(options, request),
      counts: async ({ node, digest }) => (await countedKey(options.store, digest))?.node === node,
    });
  return app;
}

/** Of the certificate that was shown, when it is ours and valid today. */
function shownDigest(socket: TLSSocket): string | undefined {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  return certificate && keyDigest(certificate.publicKey);
}

/** Deny by default: a certificate of ours, whose key counts for a node today. Throws `certificate-needed`. */
async function machineOf({ store, heard }: SecureAppOptions, request: FastifyRequest): Promise<CountedKey> {
  const digest = shownDigest(request.raw.socket as TLSSocket);
  const key = digest === undefined ? undefined : await countedKey(store, digest);
  if (!key)
    throw new StatectlError('certificate-needed', 'this is for machines that show a certificate that counts', {
      hint: 'enrol first: POST /v1/enrol; on the server, `statectl node pending` shows who waits',
    });
  heard?.(request.ip);
  return key;
}

type CountedKey = Enrolment & { readonly node: string };

async function countedKey(store: NodesStore, digest: string): Promise<CountedKey | undefined> {
  const key = await store.enrolment(digest);
  return key?.state === 'approved' && key.node !== undefined ? { ...key, node: key.node } : undefined;
}
