import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { reasonOf, StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { type AppOptions, createApp } from './app.ts';
import { type BundlesOptions, openBundles } from './bundles.ts';
import { openStore } from './store.ts';

export interface ListenAddress {
  /** A literal address or a name, without brackets. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** Reads `0.0.0.0:8080`, `[::]:8080`, `:8080` or `8080`. Throws `listen-invalid`. */
export function parseListenAddress(text: string): ListenAddress {
  const [, bracketed, plain, port] = /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]*)):)?(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65535)
    throw new StatectlError('listen-invalid', `"${text}" is not an address to listen on`, {
      hint: 'write it as 0.0.0.0:8080, [::]:8080 or 8080',
    });
  return { host: bracketed ?? (plain || '0.0.0.0'), port: Number(port) };
}

export const writeListenAddress = ({ host, port }: ListenAddress): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

export interface ServeOptions
  extends Omit<AppOptions, 'store' | 'clock' | 'bundles' | 'renderPublic' | 'bootSettings'> {
  readonly state: string;
  readonly listen: ListenAddress;
  readonly host: Pick<Host, 'files' | 'clock'>;
  /** Makes the bundles of machines; absent where the server has no config.d. */
  readonly config?: Pick<BundlesOptions, 'renderNode' | 'signer'> & Pick<AppOptions, 'renderPublic' | 'bootSettings'>;
  /** How long transfers may go on after a stop was asked for, default 10 s. */
  readonly graceMs?: number;
}

export interface RunningServer {
  /** `http://host:port`, with the port that was taken. */
  readonly url: string;
  readonly address: ListenAddress;
  /** Takes no new connection, lets transfers end for the time of grace, then cuts them. */
  stop(): Promise<'finished' | 'cut'>;
}

const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'another program has that port: stop it (`ss -ltnp` names it), or choose another with --listen ADDRESS:PORT',
  EACCES: 'ports below 1024 need root or CAP_NET_BIND_SERVICE: choose a higher one with --listen ADDRESS:PORT',
  EADDRNOTAVAIL: 'this machine does not have that address: use --listen 0.0.0.0:PORT for all it has',
};

async function listen(app: FastifyInstance, address: ListenAddress): Promise<void> {
  try {
    await app.listen({ host: address.host, port: address.port });
  } catch (cause) {
    await app.close();
    const hint = ADVICE[(cause as NodeJS.ErrnoException).code ?? ''] ?? 'choose another with --listen ADDRESS:PORT';
    throw new StatectlError('listen-failed', `cannot listen on ${writeListenAddress(address)}: ${reasonOf(cause)}`, {
      cause,
      hint,
    });
  }
}

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

/** Opens the state directory, which is made when missing, and listens. Throws `listen-failed`. */
export async function startServer({
  state,
  listen: wanted,
  host,
  config,
  graceMs = 10_000,
  ...options
}: ServeOptions): Promise<RunningServer> {
  const store = await openStore(state, host, 'create');
  const bundles = config && (await openBundles({ ...config, store }));
  const app = createApp({
    ...options,
    store,
    clock: host.clock,
    ...(bundles && { bundles }),
    ...(config && { renderPublic: config.renderPublic, bootSettings: config.bootSettings }),
  });
  await listen(app, wanted);
  const address = { host: wanted.host, port: (app.server.address() as AddressInfo).port };
  let stopping: Promise<'finished' | 'cut'> | undefined;
  return {
    url: `http://${writeListenAddress(address)}`,
    address,
    stop: () => (stopping ??= stopGracefully(app, graceMs)),
  };
}

export type ServeEvent =
  | { readonly event: 'listening'; readonly url: string; readonly state: string }
  | { readonly event: 'stopping'; readonly signal: string; readonly graceMs: number }
  | { readonly event: 'stopped'; readonly transfers: 'finished' | 'cut' };

/** Serves until SIGTERM or SIGINT; a second signal ends the program at once. */
export async function serve(options: ServeOptions & { readonly tell: (event: ServeEvent) => void }): Promise<void> {
  const { tell, ...rest } = options;
  const server = await startServer(rest);
  tell({ event: 'listening', url: server.url, state: options.state });
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
