import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { mainFileText, RSYSLOG } from '../../../src/machine/services/main-files.ts';
import { planSyslog } from '../../../src/machine/services/syslog-settings.ts';
import { loadFiles, SHIPPED_FILES } from '../../fixtures/config.ts';
import { createFacts } from '../../fixtures/facts.ts';
import { HANG_MS } from '../../fixtures/hang.ts';

const isThere = (...argv: readonly [string, ...string[]]) => spawnSync(argv[0], argv.slice(1)).status === 0;
const mayAsk = process.getuid?.() === 0 && isThere('unshare', '-m', 'true') && isThere('rsyslogd', '-v');

/** What this machine's rsyslog says of a main file, had it ours alone in its folder. */
const ask = (main: string, ours: string): string =>
  execFileSync(
    'unshare',
    [
      ...['-m', 'sh', '-euc'],
      `mount -t tmpfs tmpfs /etc/rsyslog.d
       mount -t tmpfs tmpfs /mnt
       printf %s "$OURS" >/etc/rsyslog.d/60-statectl.conf
       printf %s "$MAIN" >/mnt/rsyslog.conf
       rsyslogd -N1 -f /mnt/rsyslog.conf 2>&1 || true`,
    ],
    { encoding: 'utf8', env: { ...process.env, MAIN: main, OURS: ours } },
  );

async function oursFor(targets: string, printers = ''): Promise<string> {
  const config = await loadFiles({
    ...SHIPPED_FILES,
    'system/logging.conf': `syslog:\n${targets}`,
    'system/state.conf': printers,
  });
  const syslog = { daemon: 'rsyslog', tlsDriver: 'gtls', readsFiles: true } as const;
  const facts = { ...createFacts(), config, system: { syslog } };
  return planSyslog(facts)
    .flatMap((step) => (step.kind === 'write' ? [step.content] : []))
    .join('');
}

it.skipIf(!mayAsk)('rsyslog finds no fault in the targets of logging.conf', async () => {
  const ours = await oursFor(
    '  a.b: { to: "log.lab.example:6514" }\n  a-b_c: { to: "[fd00::1]:514", protocol: udp }\n  "1": { to: "192.0.2.1:601", protocol: tcp }\n',
  );
  expect(ours.match(/omfwd/g)).toHaveLength(3);
  expect(ask('$IncludeConfig /etc/rsyslog.d/*.conf\n', ours).trim().split('\n')).toEqual([
    expect.stringContaining('config validation run'),
    expect.stringContaining('End of config validation run'),
  ]);
});

it
  .skipIf(!mayAsk)
  .each([
    '',
    '*.* /var/log/all\n',
    'module(load="imuxsock")\n $IncludeConfig /etc/rsyslog.d/\n',
    'include(\n  mode="optional"\n  file="/etc/rsyslog.d/*.conf"\n)\n',
    'include(text="*.* /x)") INCLUDE(FILE="/etc/rsyslog.d/60-statectl.conf")\n',
    '# $IncludeConfig /etc/rsyslog.d/*.conf\n',
    '/* include(file="/etc/rsyslog.d/*.conf") */\n',
    '/*\n$IncludeConfig /etc/rsyslog.d/*.conf\n*/\n',
    'ruleset(name="remote") {\n  action(type="omfile" file="/x")\n}\n$IncludeConfig /etc/rsyslog.d/[0-9]*.conf\n',
    "if ($msg contains '{') then stop\n$IncludeConfig /etc/rsyslog.d/*.conf\n",
    ':msg, contains, "}" stop\n$IncludeConfig /etc/rsyslog.d/??-*.conf\n',
  ])('rsyslog reads them once, whatever the rsyslog.conf of an image has: %j', async (text) => {
  const read = async (path: string) => (path === '/etc/rsyslog.conf' ? text : undefined);
  const tree = { read, list: async () => [], resolve: async () => undefined } as unknown as Parameters<
    typeof mainFileText
  >[0];
  // In the place of ours a line that it complains of each time that it reads it.
  const said = ask(`${(await mainFileText(tree, RSYSLOG)) ?? text}*.* /x\n`, '$StatectlWasHere\n');
  expect(said.match(/'StatectlWasHere'/g)).toHaveLength(1);
});

it.skipIf(!mayAsk)(
  'rsyslog sends what Klipper writes into its log, but for its statistics, and keeps none of it here',
  async () => {
    const data = await mkdtemp(join(tmpdir(), 'statectl-klippy-'));
    await mkdir(join(data, 'logs'));
    const received = new EventEmitter();
    let text = '';
    await using target = createServer((socket) =>
      socket.on('data', (chunk) => {
        text += chunk;
        received.emit('more');
      }),
    ).listen(0, '127.0.0.1');
    await once(target, 'listening');
    const { port } = target.address() as AddressInfo;
    const ours = await oursFor(
      `  main: { to: "127.0.0.1:${port}", protocol: tcp }\n`,
      'printers:\n  voron: { data: /home/pi/printer_data, user: pi }\n',
    );
    await writeFile(
      join(data, 'ours.conf'),
      `global(workDirectory="${data}")\n${ours.replace('/home/pi/printer_data', data)}*.* ${data}/all-messages\n`,
    );
    const rsyslogd = spawn('rsyslogd', ['-n', '-f', join(data, 'ours.conf'), '-i', join(data, 'pid')], {
      stdio: 'inherit',
    });
    const isOver = once(rsyslogd, 'exit');
    try {
      await writeFile(join(data, 'logs/klippy.log'), 'Start printer\nStats 1.0: gcodein=0\n');
      await appendFile(join(data, 'logs/klippy.log'), 'Stats 2.0: gcodein=0\nTransition to shutdown state: lost\n');
      while (!/lost/.test(text)) await once(received, 'more', { signal: AbortSignal.timeout(HANG_MS) });
    } finally {
      rsyslogd.kill();
      await isOver;
    }
    expect(text).toMatch(/<134>1 .* klipper-voron - - - *Start printer/);
    expect(text).not.toContain('Stats ');
    expect(await readFile(join(data, 'all-messages'), 'utf8').catch(() => '')).not.toContain('Start printer');
    await rm(data, { recursive: true });
  },
);
