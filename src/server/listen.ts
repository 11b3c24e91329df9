import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { isStatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { GivenFiles } from '../identity/certificates/given-certificate.ts';
import { type AppOptions, createApp } from './app.ts';
import { type BundlesOptions, openBundles } from './bundles/bundles.ts';
import { knownSenders } from './limits/known-senders.ts';
import { DEFAULT_MAX_TRANSFERS, loadMeter } from './limits/load.ts';
import { type ListenAddress, listen, writeListenAddress } from './listen-on.ts';
import type { NodeIdentities } from './machines/enrol.ts';
import { machineReader } from './machines/machine-reader.ts';
import { reportKeeper } from './reports/report-keeper.ts';
import { type SecureServer, startSecure } from './secure.ts';
import { openStore } from './store/store.ts';

export interface ServeOptions
  extends Omit<
    AppOptions,
    | 'store'
    | 'clock'
    | 'bundles'
    | 'renderPublic'
    | 'bootSettings'
    | 'tokenRoutes'
    | 'meter'
    | 'readMachine'
    | 'keepReport'
    | 'troubles'
    | 'isKnown'
  > {
  /** Gets what an admin should look at. */
  readonly alarm?: (text: string) => void;
  readonly state: string;
  readonly listen: ListenAddress;
  readonly host: Pick<Host, 'files' | 'clock' | 'exec'>;
  /** Makes the bundles of machines; absent where the server has no config.d. */
  readonly config?: Pick<BundlesOptions, 'renderNode' | 'signer'> &
    Pick<AppOptions, 'renderPublic' | 'bootSettings'> & {
      /** Of config.d: when it is another, machines that run are told. */
      readonly revision?: () => Promise<string>;
      /** Why machines do not get what its files say. */
      readonly troubles?: () => readonly string[];
    };
  /** Where machines enrol, by TLS; absent where the server has no authority, or no config.d to know them by. */
  readonly secure?: {
    readonly listen: ListenAddress;
    readonly nodes: NodeIdentities;
    /** The admin's own certificate. */
    readonly certificate?: GivenFiles;
    readonly alarm: (text: string) => void;
  };
  /** How long transfers may go on after a stop was asked for, default 10 s. */
  readonly graceMs?: number;
}

export interface RunningServer {
  /** `http://host:port`, with the port that was taken. */
  readonly url: string;
  readonly address: ListenAddress;
  /** Where machines enrol. */
  readonly securePort?: number;
  /** Takes no new connection, lets transfers end for the time of grace, then cuts them. */
  stop(): Promise<'finished' | 'cut'>;
}

/** What keeps a part of the state from being read; images are served all the same. */
const DAMAGES = ['enrolments-unusable'];

async function stopGracefully(app: FastifyInstance, graceMs: number): Promise<'finished' | 'cut'> {
  let outcome: 'finished' | 'cut' = 'finished';
  const cut = setTimeout(() => {
    outcome = 'cut';
    app.server.closeAllConnections();
  }, graceMs);
  // A connection that becomes idle during the stop would else be kept for its keep-alive time.
  const idle = setInterval(() => app.server.closeIdleConnections(), 100);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
    clearInterval(idle);
  }
  return outcome;
}

async function stopBoth(app: FastifyInstance, secured: SecureServer | undefined, graceMs: number) {
  const [outcome] = await Promise.all([stopGracefully(app, graceMs), secured?.[Symbol.asyncDispose]()]);
  return outcome;
}

/** Opens the state directory, which is made when missing, and listens. Throws `listen-failed`. */
export async function startServer({
  state,
  listen: wanted,
  host: given,
  config,
  secure,
  graceMs = 10_000,
  alarm = () => {},
  ...options
}: ServeOptions): Promise<RunningServer> {
  const store = await openStore(state, given, 'create');
  const host = { ...given, ...store.host };
  const bundles = config && (await openBundles({ ...config, store }));
  const { maxTransfers = DEFAULT_MAX_TRANSFERS, delayMs } = options;
  const meter = loadMeter({ clock: host.clock, maxTransfers, ...(delayMs && { delayMs }) });
  const tells = {
    load: meter.status,
    ...(config?.revision && { revision: config.revision }),
    ...(bundles && { contentDigest: bundles.contentDigest, takeAsked: bundles.takeAsked }),
  };
  const readMachine = machineReader(alarm);
  const known = knownSenders();
  const keepReport = reportKeeper(store, { isKnown: known.has });
  const troubles: string[] = [];
  const secured =
    secure &&
    (await startSecure({ ...secure, readMachine, tells, known, keepReport, state, host, log: options.log }).catch(
      (error: unknown) => {
        if (!isStatectlError(error) || !DAMAGES.includes(error.code)) throw error;
        secure.alarm(
          `no machine can enrol, prove itself or get its secrets: ${error.message}${error.hint ? `; ${error.hint}` : ''}`,
        );
        troubles.push('no machine can enrol, prove itself or get its secrets: the database of machines is damaged');
        return undefined;
      },
    ));
  const app = createApp({
    ...options,
    store,
    clock: host.clock,
    meter,
    readMachine,
    keepReport,
    isKnown: known.has,
    troubles: () => [...troubles, ...(config?.troubles?.() ?? [])],
    ...(bundles && { bundles }),
    ...(secured && { tokenRoutes: secured.tokenRoutes }),
    ...(config && { renderPublic: config.renderPublic, bootSettings: config.bootSettings }),
  });
  await listen(app, wanted).catch(async (error: unknown) => {
    await secured?.[Symbol.asyncDispose]();
    throw error;
  });
  const address = { host: wanted.host, port: (app.server.address() as AddressInfo).port };
  let stopping: Promise<'finished' | 'cut'> | undefined;
  return {
    url: `http://${writeListenAddress(address)}`,
    address,
    ...(secured && { securePort: secured.port }),
    stop: () => (stopping ??= stopBoth(app, secured, graceMs)),
  };
}

export type ServeEvent =
  | { readonly event: 'listening'; readonly url: string; readonly state: string; readonly securePort?: number }
  | { readonly event: 'alarm'; readonly text: string }
  | { readonly event: 'stopping'; readonly signal: string; readonly graceMs: number }
  | { readonly event: 'stopped'; readonly transfers: 'finished' | 'cut' };

/** Serves until SIGTERM or SIGINT; a second signal ends the program at once. */
export async function serve(options: ServeOptions & { readonly tell: (event: ServeEvent) => void }): Promise<void> {
  const { tell, ...rest } = options;
  const server = await startServer(rest);
  const { url, securePort } = server;
  tell({ event: 'listening', url, state: options.state, ...(securePort !== undefined && { securePort }) });
  const signal = await new Promise<string>((resolve) => {
    const stop = (name: string) => {
      process.off('SIGTERM', stop);
      process.off('SIGINT', stop);
      resolve(name);
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
  tell({ event: 'stopping', signal, graceMs: options.graceMs ?? 10_000 });
  tell({ event: 'stopped', transfers: await server.stop() });
}
