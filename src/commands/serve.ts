import { hostname } from 'node:os';
import { Command, Option } from 'commander';
import { reservationsOf } from '../config/nodes/reservations.ts';
import { StatectlError } from '../error.ts';
import { linuxHost } from '../host/linux/host.ts';
import type { GivenFiles } from '../identity/certificates/given-certificate.ts';
import { printableJson } from '../printable.ts';
import { readBundleSigner } from '../server/bundles/bundle-signer.ts';
import { DEFAULT_MAX_TRANSFERS } from '../server/limits/load.ts';
import { type ServeEvent, serve } from '../server/listen.ts';
import { type ListenAddress, parseListenAddress, writeListenAddress } from '../server/listen-on.ts';
import { dnsmasqConfiguration } from '../server/netboot/dnsmasq.ts';
import { DEFAULT_KERNEL_ARGUMENTS, parseKernelArguments } from '../server/netboot/ipxe-script.ts';
import { parsePublicUrl } from '../server/public-url.ts';
import { hasAuthority } from '../server/secure.ts';
import { type SettingsEvent, servedSettings } from '../server/settings.ts';
import { path } from './build/build-options.ts';
import { readSettings } from './config/config-source.ts';
import { printContent, printLine } from './print.ts';
import { stateOption, usage } from './state-option.ts';

interface Options {
  readonly state: string;
  readonly config?: string;
  readonly listen: ListenAddress;
  readonly tlsListen: ListenAddress;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly url?: string;
  readonly kernelArgs: string;
  readonly maxTransfers: number;
  readonly printDnsmasq?: true;
  readonly dhcp: 'proxy' | 'full';
  readonly interface?: string;
  readonly subnet?: string;
  readonly json?: true;
}

/** Changed files that a line of the log names. */
const MOST_FILES = 10;
const ANY_ADDRESS = ['0.0.0.0', '::'];

function sentence(event: ServeEvent | SettingsEvent, listen: ListenAddress): string {
  switch (event.event) {
    case 'settings':
      if (event.state === 'stuck')
        return `edits of config.d are not taken up; machines go on getting ${event.revision?.slice(0, 12) ?? 'nothing'}:\n${event.faults.join('\n')}`;
      return event.state === 'served'
        ? `machines get config.d ${event.revision?.slice(0, 12)}${changedFiles(event.files)}`
        : `config.d has faults; machines go on getting ${event.revision?.slice(0, 12) ?? 'nothing'}:\n${event.faults.join('\n')}`;
    case 'listening': {
      const here = ANY_ADDRESS.includes(listen.host) ? ` (all addresses of ${hostname()})` : '';
      const secure = event.securePort === undefined ? '' : `; machines enrol by TLS on port ${event.securePort}`;
      return `serving ${event.state} on ${event.url}${here}${secure}`;
    }
    case 'alarm':
      return event.text;
    case 'stopping':
      return `${event.signal}: stopping, transfers have ${event.graceMs / 1000} s to end`;
    case 'stopped':
      return event.transfers === 'finished' ? 'stopped' : 'stopped; transfers that took longer were cut';
  }
}

/** At the first start all of config.d is one commit. */
function changedFiles(files: readonly string[]): string {
  if (files.length === 0) return '';
  return files.length > MOST_FILES ? `: ${files.length} files` : `: ${files.join(', ')}`;
}

async function dnsmasqText({ url, listen, dhcp, interface: name, subnet, config }: Options): Promise<string> {
  if (url === undefined && ANY_ADDRESS.includes(listen.host))
    throw new StatectlError('url-missing', 'how machines reach this server cannot be seen from --listen', {
      hint: 'say it with --url, as in --url http://192.168.7.1:8080',
    });
  return dnsmasqConfiguration({
    serverUrl: url ?? `http://${writeListenAddress(listen)}`,
    proxy: dhcp === 'proxy',
    ...(name === undefined ? {} : { interface: name }),
    ...(subnet === undefined ? {} : { subnet }),
    ...(config === undefined ? {} : { reservations: reservationsOf(await readSettings(config)) }),
  });
}

/** The admin's certificate for the port that needs one. */
function givenFiles({ tlsCert, tlsKey, state }: Options, isNeeded: boolean): GivenFiles | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined)
    throw new StatectlError('usage', 'a certificate is a --tls-cert and its --tls-key', {
      hint: 'name both, or none: then our own CA issues one',
    });
  if (isNeeded) return { certificate: tlsCert, key: tlsKey };
  throw new StatectlError('usage', '--tls-cert is for the port by which machines enrol, and there is none', {
    hint: `it needs --config, and an authority in ${state}/keys: statectl build keys`,
  });
}

/** The access log and, with --json, what happens to the server go to stdout as JSON lines; sentences go to stderr. */
async function run(options: Options): Promise<void> {
  if (options.printDnsmasq) return printContent(await dnsmasqText(options));
  const host = linuxHost();
  const log = printLine;
  const tell = (event: ServeEvent | SettingsEvent): void => {
    if (options.json) log(printableJson({ time: new Date(host.clock.now()).toISOString(), ...event }));
    else host.console.line('info', sentence(event, options.listen));
  };
  const settings = options.config === undefined ? undefined : servedSettings(host, options.config, tell);
  const config = settings && { ...settings, signer: await readBundleSigner(host, `${options.state}/keys`) };
  const alarm = (text: string): void => tell({ event: 'alarm', text });
  const canEnrol = await hasAuthority(host, options.state);
  const certificate = givenFiles(options, settings !== undefined && canEnrol);
  if (settings && !canEnrol)
    alarm(`no machine can enrol: ${options.state}/keys has no ca.key (statectl build keys makes one)`);
  await serve({
    state: options.state,
    listen: options.listen,
    host,
    log,
    kernelArguments: options.kernelArgs,
    maxTransfers: options.maxTransfers,
    ...(options.url === undefined ? {} : { publicUrl: options.url }),
    alarm,
    ...(config && { config }),
    ...(settings &&
      canEnrol && {
        secure: { listen: options.tlsListen, nodes: settings.nodes, alarm, ...(certificate && { certificate }) },
      }),
    tell,
  });
}

const listenOption = (): Option =>
  new Option('--listen <address:port>', 'where to listen')
    .argParser(usage(parseListenAddress))
    .default(parseListenAddress('0.0.0.0:8080'), '0.0.0.0:8080');

const tlsListenOption = (): Option =>
  new Option('--tls-listen <address:port>', 'where machines enrol and get their secrets, by TLS (with --config)')
    .argParser(usage(parseListenAddress))
    .default(parseListenAddress('0.0.0.0:8443'), '0.0.0.0:8443');

const kernelArgumentsOption = (): Option =>
  new Option('--kernel-args <words>', 'added to the kernel command line of every machine that boots from here')
    .argParser(usage(parseKernelArguments))
    .default(DEFAULT_KERNEL_ARGUMENTS);

/** Throws `transfers-invalid`. */
function parseMaxTransfers(text: string): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count === 0)
    throw new StatectlError('transfers-invalid', `"${text}" is not a number of transfers`, {
      hint: 'write it as 64; 1 is the least',
    });
  return count;
}

const maxTransfersOption = (): Option =>
  new Option(
    '--max-transfers <count>',
    'with so many files under way, new boots are told to come back later or to ask another server',
  )
    .argParser(usage(parseMaxTransfers))
    .default(DEFAULT_MAX_TRANSFERS);

/** `statectl serve`: HTTP for machines that boot. */
export const serveCommand = (): Command =>
  new Command('serve')
    .description('give images to machines over HTTP, until SIGTERM or SIGINT')
    .addOption(stateOption())
    .option(
      '--config <dir>',
      'config.d: gives each machine its settings and files (default: those of its initramfs)',
      path,
    )
    .addOption(listenOption())
    .addOption(
      new Option('--url <url>', 'how machines reach this server (default: as they call it)').argParser(
        usage(parsePublicUrl),
      ),
    )
    .addOption(tlsListenOption())
    .option('--tls-cert <file>', 'its certificate, PEM, issuers behind it (default: our own CA issues one)', path)
    .option('--tls-key <file>', 'the key of --tls-cert, PEM without a passphrase', path)
    .addOption(kernelArgumentsOption())
    .addOption(maxTransfersOption())
    .option('--json', 'tell start and stop as JSON lines among those of the access log')
    .option(
      '--print-dnsmasq',
      'print a configuration of dnsmasq for this server, with --config its reservations too, and end',
    )
    .addOption(
      new Option('--dhcp <kind>', 'for --print-dnsmasq: beside a DHCP server that is there, or the only one')
        .choices(['proxy', 'full'])
        .default('proxy'),
    )
    .option('--interface <name>', 'for --print-dnsmasq: serve this interface only')
    .option('--subnet <network>', 'for --print-dnsmasq: the network, as in 192.168.7.0/24')
    .action(run)
    .addHelpText(
      'after',
      `
Examples:
  statectl serve --state /srv/statectl --listen 192.168.7.1:8080
  statectl serve --state /srv/statectl --config /srv/config.d
  statectl serve --kernel-args "console=ttyS0,115200 quiet"
  statectl serve --url http://192.168.7.1:8080 --print-dnsmasq > /etc/dnsmasq.d/statectl.conf`,
    );
