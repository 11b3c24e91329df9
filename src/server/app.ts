import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { StatectlError } from '../error.ts';
import type { Clock } from '../host/host.ts';
import { accessLog } from './access-log.ts';
import { admission } from './admission.ts';
import { type BootRouteOptions, bootRoutes } from './boot-routes.ts';
import { bundleRoutes } from './bundle-routes.ts';
import type { Bundles } from './bundles.ts';
import { imageRoutes } from './image-routes.ts';
import { DEFAULT_MAX_TRANSFERS, type LoadMeter, loadMeter } from './load.ts';
import { machineReader, type ReadMachine } from './machine-reader.ts';
import { answerNoHttp, PROBLEM_TYPE, problemOf } from './problem.ts';
import { isHostHeader } from './public-url.ts';
import { reportRoutes } from './report-routes.ts';
import { statusRoutes } from './status-routes.ts';
import { type RenderPublic, templateRoutes } from './template-routes.ts';
import { type TokenRouteOptions, tokenRoutes } from './token-routes.ts';

export interface AppOptions extends Omit<BootRouteOptions, 'admission' | 'readMachine'> {
  readonly clock: Clock;
  /** Gets the access log, one JSON line without its newline at a time. */
  readonly log: (line: string) => void;
  /** Default: one that tells nobody. */
  readonly readMachine?: ReadMachine;
  /** Where iPXE's own files are, default Debian's. */
  readonly ipxeDirectory?: string;
  /** What machines are told; absent where the server has no config.d. */
  readonly bundles?: Bundles;
  readonly renderPublic?: RenderPublic;
  /** Absent where no machine can enrol. */
  readonly tokenRoutes?: TokenRouteOptions;
  /** With so many blobs under way no new boot is begun, default 64. */
  readonly maxTransfers?: number;
  /** How late the event loop lately was, default measured. */
  readonly delayMs?: () => number;
  /** Default: one of its own. */
  readonly meter?: LoadMeter;
  /** What an admin should see to; anybody may read it. */
  readonly troubles?: () => readonly string[];
}

/** A client that sends or takes nothing for so long is gone; a slow one goes on for hours. */
const IDLE_MS = 120_000;

function answerProblem(error: unknown, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error);
  return reply
    .code(problem.status)
    .header('cache-control', 'no-store')
    .type(PROBLEM_TYPE)
    .send(JSON.stringify(problem));
}

/** The server's routes over a store. Listens nowhere: see `serve`, and `app.inject` in tests. */
export function createApp(options: AppOptions): FastifyInstance {
  const access = accessLog(options.clock, options.log);
  const app = fastify({
    logger: false,
    // Requests on open connections are still answered while the server stops, then told to close.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    connectionTimeout: IDLE_MS,
    requestTimeout: IDLE_MS,
    routerOptions: { maxParamLength: 256 },
    clientErrorHandler: answerNoHttp,
    // Malformed URLs fail before any route; they get the same kind of answer.
    frameworkErrors: (error, request, reply) => {
      access.watch(request as FastifyRequest, reply as FastifyReply);
      return answerProblem(error, reply as FastifyReply);
    },
  });
  access.install(app);
  app.addHook('onRequest', async (request) => {
    const { host } = request.headers;
    if (host !== undefined && !isHostHeader(host))
      throw new StatectlError('host-invalid', 'the Host header is not host[:port]');
  });
  app.setErrorHandler((error, _request, reply) => answerProblem(error, reply));
  app.setNotFoundHandler(() => {
    throw new StatectlError('route-unknown', 'there is nothing under this path');
  });
  app.get('/healthz', async (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'ok' }));
  const { clock, delayMs, maxTransfers = DEFAULT_MAX_TRANSFERS } = options;
  const meter = options.meter ?? loadMeter({ clock, maxTransfers, ...(delayMs && { delayMs }) });
  app.addHook('onClose', async () => meter.stop());
  const gate = admission(meter, clock);
  const readMachine = options.readMachine ?? machineReader(() => {});
  statusRoutes(app, meter, options.troubles);
  bootRoutes(app, { ...options, admission: gate, readMachine });
  imageRoutes(app, options.store, gate, options.ipxeDirectory ?? '/usr/lib/ipxe');
  bundleRoutes(app, options.bundles, gate, readMachine);
  templateRoutes(app, options.renderPublic, readMachine);
  reportRoutes(app, options.store);
  tokenRoutes(app, options.tokenRoutes, readMachine);
  return app;
}
