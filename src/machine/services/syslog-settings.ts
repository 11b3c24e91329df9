import type { PrinterState } from '../../config/config.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import type { Facts } from '../facts/facts.ts';
import type { SyslogFacts } from '../facts/system-facts.ts';
import { IMAGE_MOUNT } from '../paths.ts';
import type { Step } from '../steps/step.ts';
import { RSYSLOG } from './main-files.ts';
import { planMainFile } from './plan-main-file.ts';

export const RSYSLOGD = ['/usr/sbin/rsyslogd', '/sbin/rsyslogd'];
const SYSLOG_NG = ['/usr/sbin/syslog-ng', '/sbin/syslog-ng'];
/** The network stream drivers of rsyslog, and the file of each. */
const TLS_DRIVERS = { gtls: 'lmnsd_gtls.so', ossl: 'lmnsd_ossl.so' } as const;
const FILE_INPUT = 'imfile.so';
/** As Debian's ca-certificates makes it, and as others do. */
const CA_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** What of the image can send messages on. What logging.conf asks for and the image lacks is told. */
export async function syslogFacts(host: Host, { config }: Facts, boot: TaskContext): Promise<SyslogFacts> {
  const targets = Object.values(config.logging.syslog);
  if (targets.length === 0) return {};
  const exists = async (path: string) => (await host.files.stat(IMAGE_MOUNT + path)) !== undefined;
  const anyOf = async (paths: readonly string[]) => (await Promise.all(paths.map(exists))).includes(true);
  if (!(await anyOf(RSYSLOGD))) {
    const isOther = await anyOf(SYSLOG_NG);
    boot.warn(
      isOther
        ? 'logging.conf: the syslog-ng of the image is not set up by this version; messages are sent on by rsyslog alone'
        : 'logging.conf: no messages are sent on: the image has neither rsyslog nor syslog-ng',
    );
    return isOther ? { daemon: 'syslog-ng' } : {};
  }
  const modules = await moduleFolders(host);
  const hasModule = (file: string) => anyOf(modules.map((folder) => `${folder}/${file}`));
  const printers = Object.values(config.state.printers);
  const readsFiles = printers.length > 0 && (await hasModule(FILE_INPUT));
  if (printers.length > 0 && !readsFiles)
    boot.warn(`logging.conf: no klippy.log is sent on: the rsyslog of the image has no ${FILE_INPUT}`);
  for (const printer of printers)
    if (ODD.test(klippyLog(printer)))
      boot.warn(`logging.conf: ${klippyLog(printer)} is not sent on: rsyslog takes its name for a pattern`);
  const rsyslog = { daemon: 'rsyslog', ...(readsFiles && { readsFiles }) } as const;
  if (!targets.some(({ protocol }) => protocol === 'tls')) return rsyslog;
  const drivers = await Promise.all(
    (['gtls', 'ossl'] as const).map(async (driver) => (await hasModule(TLS_DRIVERS[driver])) && driver),
  );
  const tlsDriver = drivers.find((driver) => driver !== false);
  const has = await Promise.all(CA_BUNDLES.map(exists));
  const authorities =
    CA_BUNDLES.find((_, at) => has[at]) ?? (config.identity.authorities.length > 0 ? CA_BUNDLES[0] : undefined);
  if (tlsDriver && authorities) return { ...rsyslog, tlsDriver, authorities };
  boot.warn(
    tlsDriver
      ? 'logging.conf: nothing is sent by tls: no certificate is trusted (`authorities` of identity.conf, package ca-certificates)'
      : 'logging.conf: nothing is sent by tls: the image has no TLS driver of rsyslog (package rsyslog-gnutls)',
  );
  return rsyslog;
}

/** Debian keeps the modules in the folder of the architecture, others beside it. */
async function moduleFolders({ files }: Host): Promise<readonly string[]> {
  const libraries = await files.list(`${IMAGE_MOUNT}/usr/lib`).catch(() => []);
  return ['/usr/lib', '/usr/lib64', ...libraries.map((name) => `/usr/lib/${name}`)].map(
    (folder) => `${folder}/rsyslog`,
  );
}

/** The targets of logging.conf as a file of rsyslog. Pure. */
export function planSyslog({ config, system: { syslog, install } }: Facts): readonly Step[] {
  if (syslog?.daemon !== 'rsyslog') return [];
  const { tlsDriver, authorities = CA_BUNDLES[0], readsFiles } = syslog;
  const targets = Object.entries(config.logging.syslog).filter(([, { protocol }]) => protocol !== 'tls' || tlsDriver);
  if (targets.length === 0) return [];
  const usesTls = targets.some(([, { protocol }]) => protocol === 'tls');
  const lines = [
    '# Made by statectl at boot from system/logging.conf.',
    ...(usesTls ? [`global(DefaultNetstreamDriverCAFile="${authorities}")`] : []),
    `ruleset(name="${ALL_TARGETS}") {`,
    ...targets.map(([name, target]) => `  ${action(name, target, tlsDriver)}`),
    '}',
    `call ${ALL_TARGETS}`,
    ...(readsFiles ? klippyLogs(Object.values(config.state.printers)) : []),
  ];
  const folder = '/etc/rsyslog.d';
  return [
    { kind: 'mkdir', path: folder, mode: 0o755 },
    { kind: 'write', path: `${folder}/60-statectl.conf`, content: `${lines.join('\n')}\n` },
    ...planMainFile(RSYSLOG, install?.mainFiles),
  ];
}

const ALL_TARGETS = 'statectl-targets';

const klippyLog = ({ data }: PrinterState): string => `${data}/logs/klippy.log`;
/** What would be a pattern of file names, or end a string of RainerScript. */
const ODD = /["\\*?[\]]/;

/** Moonraker's messages are in the journal; Klipper's are in its file alone. Each second it has a line of statistics, which stays there. */
function klippyLogs(printers: readonly PrinterState[]): readonly string[] {
  const inputs = printers
    .filter((printer) => !ODD.test(klippyLog(printer)))
    .map((printer) => {
      const where = `file="${klippyLog(printer)}" tag="klipper-${printer.name}" ruleset="statectl-klipper"`;
      return `input(type="imfile" ${where} facility="local0" severity="info")`;
    });
  if (inputs.length === 0) return [];
  return [
    'module(load="imfile")',
    `ruleset(name="statectl-klipper") { if not ($msg startswith "Stats ") then call ${ALL_TARGETS} }`,
    ...inputs,
  ];
}

type Target = Facts['config']['logging']['syslog'][string];

/** The queue is in RAM, and drops what has no room: a server that is away neither blocks a service nor fills a disk. */
function action(name: string, { to, protocol }: Target, driver: SyslogFacts['tlsDriver']): string {
  const host = to.slice(0, to.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  const parameters = {
    type: 'omfwd',
    name: `statectl-${name}`,
    target: host,
    port: to.slice(to.lastIndexOf(':') + 1),
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
    template: 'RSYSLOG_SyslogProtocol23Format',
    // RFC 6587, 3.4.1, which RFC 5425 demands of TLS.
    ...(protocol !== 'udp' && { TCP_Framing: 'octet-counted' }),
    ...(protocol === 'tls' && {
      StreamDriver: driver,
      StreamDriverMode: '1',
      StreamDriverAuthMode: 'x509/name',
      StreamDriverPermittedPeers: host,
    }),
    'queue.type': 'LinkedList',
    'queue.size': '10000',
    'queue.timeoutEnqueue': '0',
    'action.resumeRetryCount': '-1',
  };
  const words = Object.entries(parameters).map(([key, value]) => `${key}="${value}"`);
  return `action(${words.join(' ')})`;
}
