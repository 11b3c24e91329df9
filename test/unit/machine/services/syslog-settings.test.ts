import { expect, it } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import type { SyslogFacts } from '../../../../src/machine/facts/system-facts.ts';
import { planSyslog, syslogFacts } from '../../../../src/machine/services/syslog-settings.ts';
import { loadFiles, SHIPPED_FILES } from '../../../fixtures/config.ts';
import { createFacts } from '../../../fixtures/facts.ts';
import { makeCertificate } from '../../../fixtures/identity/certificates.ts';

const LAB =
  'syslog:\n  main: { to: "log.lab.example:6514", protocol: tls }\n  spare: { to: "[fd00::1]:514", protocol: udp }\n';
const IMAGE = '/run/statectl/image';
const DAEMON = '/usr/sbin/rsyslogd';
const DRIVER = '/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so';
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const AUTHORITY = (await makeCertificate({ name: 'lab' })).pem;

async function settings(image: readonly string[], text = LAB, more: Readonly<Record<string, string>> = {}) {
  const config = await loadFiles({ ...SHIPPED_FILES, 'system/logging.conf': text, ...more });
  const facts = { ...createFacts(), config };
  const warnings: string[] = [];
  const host = memoryHost({ files: Object.fromEntries(image.map((path) => [IMAGE + path, ''])) });
  const boot = { say: () => {}, warn: (line: string) => warnings.push(line), signal: new AbortController().signal };
  const syslog: SyslogFacts = await syslogFacts(host, facts, boot);
  const written = planSyslog({ ...facts, system: { syslog } }).find((step) => step.kind === 'write');
  return { warnings, path: written?.path, lines: written?.content.split('\n') ?? [] };
}

it('sends to each target with a queue in RAM that never blocks', async () => {
  const { warnings, path, lines } = await settings([DAEMON, DRIVER, CERTIFICATES]);
  expect(warnings).toEqual([]);
  expect(path).toBe('/etc/rsyslog.d/60-statectl.conf');
  expect(lines.slice(1)).toEqual([
    'global(DefaultNetstreamDriverCAFile="/etc/ssl/certs/ca-certificates.crt")',
    'ruleset(name="statectl-targets") {',
    '  action(type="omfwd" name="statectl-main" target="log.lab.example" port="6514" protocol="tcp" template="RSYSLOG_SyslogProtocol23Format" TCP_Framing="octet-counted" StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="log.lab.example" queue.type="LinkedList" queue.size="10000" queue.timeoutEnqueue="0" action.resumeRetryCount="-1")',
    '  action(type="omfwd" name="statectl-spare" target="fd00::1" port="514" protocol="udp" template="RSYSLOG_SyslogProtocol23Format" queue.type="LinkedList" queue.size="10000" queue.timeoutEnqueue="0" action.resumeRetryCount="-1")',
    '}',
    'call statectl-targets',
    '',
  ]);
});

it('goes without tls where rsyslog has no driver for it, and says so', async () => {
  const { warnings, lines } = await settings([DAEMON, CERTIFICATES]);
  expect(warnings).toEqual([expect.stringContaining('rsyslog-gnutls')]);
  expect(lines.filter((line) => line.includes('omfwd'))).toEqual([expect.stringContaining('statectl-spare')]);
});

it('goes without tls where nobody could be trusted, and says so', async () => {
  const { warnings, lines } = await settings([DAEMON, DRIVER]);
  expect(warnings).toEqual([expect.stringContaining('no certificate is trusted')]);
  expect(lines.filter((line) => line.includes('omfwd'))).toEqual([expect.stringContaining('statectl-spare')]);
});

it('trusts what identity.conf says, in an image without any certificates', async () => {
  const identity = `authorities: [${JSON.stringify(AUTHORITY)}]\n`;
  const { warnings, lines } = await settings([DAEMON, DRIVER], LAB, { 'system/identity.conf': identity });
  expect(warnings).toEqual([]);
  expect(lines.filter((line) => line.includes('omfwd'))).toHaveLength(2);
});

const PRINTERS = { 'system/state.conf': 'printers:\n  voron: { data: /home/pi/printer_data, user: pi }\n' };
const FILE_INPUT = '/usr/lib64/rsyslog/imfile.so';

it('sends what Klipper writes into its log, but for its statistics', async () => {
  const { warnings, lines } = await settings([DAEMON, DRIVER, CERTIFICATES, FILE_INPUT], LAB, PRINTERS);
  expect(warnings).toEqual([]);
  expect(lines.slice(lines.indexOf('call statectl-targets') + 1)).toEqual([
    'module(load="imfile")',
    'ruleset(name="statectl-klipper") { if not ($msg startswith "Stats ") then call statectl-targets }',
    'input(type="imfile" file="/home/pi/printer_data/logs/klippy.log" tag="klipper-voron" ruleset="statectl-klipper" facility="local0" severity="info")',
    '',
  ]);
});

it('says which log of Klipper it cannot send', async () => {
  const odd = { 'system/state.conf': 'printers:\n  voron: { data: "/home/pi/printer[1]", user: pi }\n' };
  const { warnings, lines } = await settings([DAEMON, DRIVER, CERTIFICATES, FILE_INPUT], LAB, odd);
  expect(warnings).toEqual([expect.stringContaining('/home/pi/printer[1]/logs/klippy.log is not sent on')]);
  expect(lines.join('\n')).not.toContain('imfile');
  const without = await settings([DAEMON, DRIVER, CERTIFICATES], LAB, PRINTERS);
  expect(without.warnings).toEqual([expect.stringContaining('has no imfile.so')]);
  expect(without.lines.join('\n')).not.toContain('imfile');
});

it.each([
  ['neither daemon', [], 'neither rsyslog nor syslog-ng'],
  ['syslog-ng', ['/usr/sbin/syslog-ng'], 'syslog-ng of the image is not set up'],
])('an image with %s gets a warning and no file', async (_title, image, warning) => {
  const { warnings, path } = await settings(image);
  expect(warnings).toEqual([expect.stringContaining(warning)]);
  expect(path).toBeUndefined();
});

it('nothing is looked for where nothing is said', async () => {
  expect(await settings([], '')).toMatchObject({ warnings: [], path: undefined });
});
