import type { AddressInfo } from 'node:net';
import type { Host } from '../host/host.ts';
import { authoritiesOfMachines, authority } from '../identity/certificates/authority.ts';
import type { GivenFiles } from '../identity/certificates/given-certificate.ts';
import { eventHub } from './events/event-hub.ts';
import { type WatchOptions, watchForEvents } from './events/event-watch.ts';
import { freeShare } from './images/free-space.ts';
import type { KnownSenders } from './limits/known-senders.ts';
import { type ListenAddress, listen } from './listen-on.ts';
import { bootTokens } from './machines/boot-tokens.ts';
import type { NodeIdentities } from './machines/enrol.ts';
import type { ReadMachine } from './machines/machine-reader.ts';
import { openSecretStore } from './machines/secret-store.ts';
import { givenServerCertificate, issueServerCertificate } from './machines/server-certificate.ts';
import { hostKeySigner } from './machines/ssh-authority.ts';
import type { TokenRouteOptions } from './machines/token-routes.ts';
import { keptDisks } from './reports/kept-disks.ts';
import type { KeepReport } from './reports/report-keeper.ts';
import { createSecureApp } from './secure-app.ts';
import { printerState } from './state/printer-state.ts';
import { checkGenerationApart } from './state/snapshot/check-apart.ts';
import { openNodes } from './store/open-nodes.ts';

export interface SecureOptions {
  readonly state: string;
  readonly host: Pick<Host, 'files' | 'clock' | 'exec'>;
  readonly nodes: NodeIdentities;
  readonly listen: ListenAddress;
  /** The admin's own; default: one that our CA issues. */
  readonly certificate?: GivenFiles;
  readonly log: (line: string) => void;
  readonly alarm: (text: string) => void;
  readonly readMachine?: ReadMachine;
  /** Hears where machines are that proved themselves. */
  readonly known?: KnownSenders;
  /** Takes the reports of machines that show their certificate. */
  readonly keepReport?: KeepReport;
  /** What running machines are told of. */
  readonly tells?: Pick<WatchOptions, 'revision' | 'contentDigest' | 'takeAsked' | 'load'>;
}

export interface SecureServer extends AsyncDisposable {
  readonly port: number;
  /** What the plain routes need of it. */
  readonly tokenRoutes: TokenRouteOptions;
}

/** Whether this server has the authority: without it no machine can enrol. */
export const hasAuthority = async ({ files }: Pick<Host, 'files'>, state: string): Promise<boolean> =>
  (await files.stat(`${state}/keys/ca.key`)) !== undefined;

/** Opens the store of machines and listens for those who need TLS. Throws `listen-failed`, `enrolments-unusable` and what `authority` and `givenServerCertificate` throw. */
export async function startSecure({
  state,
  host,
  nodes,
  listen: wanted,
  certificate: given,
  log,
  alarm,
  readMachine,
  known,
  keepReport,
  tells = {},
}: SecureOptions): Promise<SecureServer> {
  const keys = `${state}/keys`;
  const ca = await authority({ ...host, console: { line: (_, text) => alarm(text) } }, keys);
  const certificate = given
    ? await givenServerCertificate(host, given, ca)
    : await issueServerCertificate(ca, host.clock.now());
  const secrets = await openSecretStore(host, state);
  const { now } = host.clock;
  const store = await openNodes(state, host);
  for (const { remote } of await store.enrolments({ state: 'approved' })) if (remote !== '') known?.hear(remote);
  const tokens = bootTokens(now);
  const hub = eventHub(now);
  const { contentDigest } = tells;
  const app = createSecureApp({
    certificate,
    authorities: await authoritiesOfMachines(host, keys),
    events: { hub, ...(contentDigest && { contentDigest }) },
    ...{ store, authority: ca, nodes, tokens, now, log, clock: host.clock },
    readSecret: secrets.read,
    ...(known && { heard: known.hear }),
    ...(keepReport && { keepReport, disksOf: (node: string) => keptDisks({ root: state, host }, node) }),
    printers: printerState(
      { root: state, host, alarm, free: () => freeShare(state) },
      checkGenerationApart(host.exec),
      secrets.read,
    ),
    signHostKey: hostKeySigner(host, state),
    ...(readMachine && { readMachine }),
  });
  await listen(app, wanted);
  const stop = new AbortController();
  const watching = watchForEvents({ ...tells, hub, store, clock: host.clock }, stop.signal);
  const { port } = app.server.address() as AddressInfo;
  return {
    port,
    tokenRoutes: {
      tokens,
      nodes,
      secure: { port, name: certificate.name, ...(keepReport && { takesReports: true }) },
      alarm,
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all([app.close(), watching]);
      await store[Symbol.asyncDispose]();
    },
  };
}
