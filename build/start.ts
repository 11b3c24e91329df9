import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { reasonOf } from '../src/error.ts';
import { runInGuest } from '../test/fixtures/vm/guest-agent.ts';
import { listenForQmp, type Qmp } from '../test/fixtures/vm/qmp.ts';
import { buildDemo, CACHE, DEMO } from './demo.ts';

const HELP = `npm start [-- OPTIONS]   builds, serves and netboots a real machine in qemu, and prints what it is from inside

  --console      stay: a login on this terminal (root, no password; on this local console only). Leave with Ctrl-A X.
  --kvm          use KVM, on a PC that has it (default: TCG, software emulation; a present /dev/kvm can hang)
  --memory MIB   RAM of the machine (default 1024)
  --port PORT    where the server listens on 127.0.0.1 (default: a free one)
  --log          show the machine's console while it boots
`;

const { values } = parseArgs({
  options: {
    console: { type: 'boolean' },
    kvm: { type: 'boolean' },
    log: { type: 'boolean' },
    memory: { type: 'string', default: '1024' },
    port: { type: 'string', default: '0' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
if (process.getuid?.() !== 0) {
  process.stderr.write('start: building a system needs root (device nodes, owners): run `sudo npm start`\n');
  process.exit(1);
}

const say = (text: string) => process.stdout.write(`start: ${text}\n`);
const QUESTIONS = [
  'findmnt -no SOURCE,FSTYPE,OPTIONS /',
  'mount -o remount,rw / 2>&1 || true',
  'findmnt -rno TARGET,FSTYPE,SOURCE | grep -vE "^/(proc|sys|dev|run)"',
  'systemctl --failed --no-legend | wc -l',
  'hostname; cat /etc/motd',
  '/run/statectl/rt/statectl status --no-changes',
];
const DEMO_NODE = `# The machine that npm start boots. Change something, or add a file, and start again.
match: { mac: 52:54:00:12:34:56 }
set:
  etc:
    files:
      /etc/motd: { text: "You are on a machine that keeps nothing. See: statectl status\\n" }
`;
/** How long a machine may take to its system's guest agent: a minute under TCG, ten where others take the processors. */
const BOOT_MS = 1_200_000;

await buildDemo();
const { state } = DEMO;
const statectl = (...words: string[]) => [process.execPath, ['src/main.ts', ...words]] as const;
// A demo that was built anew has a new version; what was served before is of no more use. The keys stay: machines trust them.
for (const name of await readdir(state).catch(() => []))
  if (name !== 'keys') await rm(`${state}/${name}`, { recursive: true });
await execa(...statectl('image', 'add', DEMO.image, '--state', state, '--keys', DEMO.keys), { stdio: 'inherit' });
await execa(...statectl('image', 'use', 'demo', '--state', state), { stdio: 'inherit' });
// Stays, for whoever tries an edit: the next start boots with it.
const settings = `${CACHE}/config.d`;
if (!existsSync(settings)) {
  await cp('config.d', settings, { recursive: true });
  await writeFile(`${settings}/nodes/demo.conf`, DEMO_NODE);
}
// statectl works in a config.d with the rights of whom the folders above it belong to: those of the checkout, under sudo too.
await execa('chown', ['-hR', '--reference=.', settings], { reject: false });

// The last console= is where the login and the rescue prompt are.
const server = execa(
  ...statectl(
    'serve',
    '--state',
    state,
    '--config',
    settings,
    '--listen',
    `127.0.0.1:${values.port}`,
    '--tls-listen',
    '127.0.0.1:0',
    '--kernel-args',
    'console=tty0 console=ttyS0,115200',
    '--json',
  ),
  { stderr: 'inherit', reject: false },
);
const work = await mkdtemp(join(tmpdir(), 'statectl-start-'));
try {
  const port = await listeningPort();
  say(
    `the server is up; a machine asks its network for /boot.ipxe${values.kvm ? '' : ' (software emulation: a minute, or some on a busy PC)'}`,
  );
  const agent = await listenForQmp(`${work}/agent`, () => undefined);
  const started = performance.now();
  const shown = values.console || values.log;
  const qemu = execa('qemu-system-x86_64', qemuArguments(port, agent.path), {
    stdin: values.console ? 'inherit' : 'ignore',
    stdout: shown ? 'inherit' : 'ignore',
    stderr: 'inherit',
    reject: false,
  });
  // It may not start at all, or die before the machine answers.
  const ended = qemu.then(({ exitCode }) => {
    agent.close();
    if (exitCode !== 0 || !values.console) throw new Error(`qemu ended${exitCode ? ` with status ${exitCode}` : ''}`);
  });
  if (values.console) {
    await Promise.race([ended, openLogin(agent)]);
    await ended;
  } else {
    const late = sleep(BOOT_MS, undefined, { ref: false }).then(() => {
      throw new Error(`no answer from the machine in ${BOOT_MS / 60_000} min`);
    });
    try {
      await Promise.race([report(agent, started), late, ended]);
    } finally {
      qemu.kill();
      await qemu;
    }
  }
} catch (error) {
  process.stderr.write(`start: ${reasonOf(error)}\n→ \`npm start -- --log\` shows the console of the machine\n`);
  process.exitCode = 1;
} finally {
  server.kill();
  await server;
  await rm(work, { recursive: true, force: true });
}

/** The server says its address when it listens; what follows is its access log, which nobody reads here. */
function listeningPort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let seen = '';
  server.stdout.on('data', (chunk: Buffer) => {
    seen = (seen + String(chunk)).slice(-4096);
    const match = /http:\/\/[^\s:]+:(\d+)/.exec(seen);
    if (match) resolve(Number(match[1]));
  });
  void server.then(() => reject(new Error('the server ended before it listened')));
  return promise;
}

function qemuArguments(port: number, agentSocket: string): string[] {
  return [
    ...[
      '-machine',
      `q35,accel=${values.kvm ? 'kvm' : 'tcg'}`,
      '-cpu',
      // TCG does vector instructions piece by piece: without the newer ones all is faster.
      values.kvm ? 'host' : 'qemu64',
      '-smp',
      '2',
      '-m',
      values.memory,
    ],
    ...[
      '-nodefaults',
      '-no-reboot',
      '-display',
      'none',
      '-serial',
      values.console || values.log ? 'mon:stdio' : 'null',
    ],
    ...['-device', 'virtio-rng-pci'],
    ...[
      '-netdev',
      `user,id=net,tftp=/nonexistent,bootfile=http://10.0.2.2:${port}/boot.ipxe`,
      '-device',
      'virtio-net-pci,netdev=net,bootindex=1',
    ],
    ...[
      '-chardev',
      `socket,id=agent,path=${agentSocket},server=off`,
      '-device',
      'virtio-serial',
      '-device',
      'virtserialport,chardev=agent,name=org.qemu.guest_agent.0',
    ],
  ];
}

/** Asks the machine's system what it is, as soon as its agent answers, and prints that. */
async function report(agent: Qmp, started: number): Promise<void> {
  await runInGuest(agent, 'systemctl is-system-running --wait || true', BOOT_MS);
  say(`the system is up, ${((performance.now() - started) / 1000).toFixed(1)} s after power-on`);
  for (const command of QUESTIONS) process.stdout.write(`\n# ${command}\n${await runInGuest(agent, command)}\n`);
}

/** Lets root in on the serial console, in this machine's RAM alone: the image has no password that would. */
async function openLogin(agent: Qmp): Promise<void> {
  const dir = '/run/systemd/system/serial-getty@ttyS0.service.d';
  const unit = '[Service]\\nExecStart=\\nExecStart=-/sbin/agetty --autologin root --noclear %%I 115200 linux\\n';
  await runInGuest(
    agent,
    `mkdir -p ${dir} && printf '${unit}' > ${dir}/autologin.conf && systemctl daemon-reload && systemctl restart serial-getty@ttyS0`,
  );
  say(
    'you are root, on this local console only and without a password; `statectl status` tells what was booted; Ctrl-A X ends the machine\r',
  );
}
