import fastify, { type FastifyInstance } from 'fastify';
import { StatectlError } from '../error.ts';
import type { Clock } from '../host/host.ts';
import { accessLog } from './access-log.ts';
import { bundleRoutes } from './bundles/bundle-routes.ts';
import type { Bundles } from './bundles/bundles.ts';
import { type RenderPublic, templateRoutes } from './bundles/template-routes.ts';
import { imageRoutes } from './images/image-routes.ts';
import { admission } from './limits/admission.ts';
import { sharePlainConnections } from './limits/connection-bound.ts';
import { DEFAULT_MAX_TRANSFERS, type LoadMeter, loadMeter } from './limits/load.ts';
import { LOOK_EVERY_MS, slowReaders } from './limits/slow-readers.ts';
import { machineReader, type ReadMachine } from './machines/machine-reader.ts';
import { type TokenRouteOptions, tokenRoutes } from './machines/token-routes.ts';
import { type BootRouteOptions, bootRoutes } from './netboot/boot-routes.ts';
import { answerNoHttp } from './problem.ts';
import { answerBeforeRoutes, answerProblems } from './problem-answers.ts';
import { isHostHeader } from './public-url.ts';
import { type KeepReport, reportKeeper } from './reports/report-keeper.ts';
import { reportRoute } from './reports/report-routes.ts';
import { statusRoutes } from './reports/status-routes.ts';

export interface AppOptions extends Omit<BootRouteOptions, 'readMachine'> {
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
  /** With so many blobs under way another one is begun only where somebody gives way, default 64. */
  readonly maxTransfers?: number;
  /** How late the event loop lately was, default measured. */
  readonly delayMs?: () => number;
  /** Default: one of its own. */
  readonly meter?: LoadMeter;
  /** Default: one of its own. */
  readonly keepReport?: KeepReport;
  /** What an admin should see to; anybody may read it. */
  readonly troubles?: () => readonly string[];
  /** Whether machines that proved themselves come from there: in a crowd they go first. */
  readonly isKnown?: (sender: string) => boolean;
}

/** A client that sends and takes nothing for so long is gone. */
const IDLE_MS = 60_000;
/** For a request to come whole, which has 32 KiB at most: a machine sends it at once. */
const REQUEST_MS = 20_000;
/** An open connection waits so long for the next request: iPXE and machines ask in turn. */
const KEPT_MS = 10_000;
const LOOK_FOR_SLOW_REQUESTS_MS = 5_000;

/** The server's routes over a store. Listens nowhere: see `serve`, and `app.inject` in tests. */
export function createApp(options: AppOptions): FastifyInstance {
  const access = accessLog(options.clock, options.log);
  const app = fastify({
    logger: false,
    // Requests on open connections are still answered while the server stops, then told to close.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    connectionTimeout: IDLE_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEPT_MS,
    http: { headersTimeout: REQUEST_MS, connectionsCheckingInterval: LOOK_FOR_SLOW_REQUESTS_MS },
    routerOptions: { maxParamLength: 256 },
    clientErrorHandler: answerNoHttp,
    frameworkErrors: answerBeforeRoutes(access),
  });
  access.install(app);
  app.addHook('onRequest', async (request) => {
    const { host } = request.headers;
    if (host !== undefined && !isHostHeader(host))
      throw new StatectlError('host-invalid', 'the Host header is not host[:port]');
  });
  answerProblems(app, options.clock);
  app.get('/healthz', async (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'ok' }));
  const { clock, store, delayMs, maxTransfers = DEFAULT_MAX_TRANSFERS, isKnown } = options;
  const meter = options.meter ?? loadMeter({ clock, maxTransfers, ...(delayMs && { delayMs }) });
  sharePlainConnections(app.server);
  const readers = slowReaders({ files: store.host.files, clock });
  app.server.on('connection', readers.watch);
  const looking = setInterval(() => void readers.look(), LOOK_EVERY_MS).unref();
  app.addHook('onClose', async () => {
    clearInterval(looking);
    meter.stop();
  });
  const gate = admission({ meter, clock, readers, maxTransfers, ...(isKnown && { isKnown }) });
  statusRoutes(app, meter, options.troubles);
  const readMachine = options.readMachine ?? machineReader(() => {});
  bootRoutes(app, { ...options, readMachine });
  imageRoutes(app, store, gate, options.ipxeDirectory ?? '/usr/lib/ipxe');
  bundleRoutes(app, options.bundles, readMachine, isKnown);
  templateRoutes(app, options.renderPublic, readMachine, isKnown);
  const keepReport = options.keepReport ?? reportKeeper(store, { ...(isKnown && { isKnown }) });
  reportRoute(app, (report, request) => keepReport(report, request.ip));
  tokenRoutes(app, options.tokenRoutes, readMachine);
  return app;
}
