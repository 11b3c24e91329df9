import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { baseCmdline, bootMachine } from '../boot/lab/machine.ts';
import { freePort } from '../fixtures/free-port.ts';
import { type FirstTimeUser, firstTimeUser } from '../fixtures/reader/first-time-user.ts';
import { Guide } from '../fixtures/reader/guide.ts';

const guide = new Guide('docs/start/lab.md', import.meta.url);
const readme = new Guide('README.md', import.meta.url);

describe('a first-time user who follows docs/start/lab.md until a PC boots', () => {
  let user: FirstTimeUser;
  let clone: string;
  let lab: string;
  let sshPort: number;

  beforeAll(async () => {
    user = await firstTimeUser();
    lab = join(user.home, 'lab');
    clone = await user.clone('git clone … statectl');
    sshPort = await freePort();
    // As apt would, with lists of its own, and installing nothing.
    const own = ['State::Lists', 'Cache'].map((name) => `-o Dir::${name}=${user.home}/apt/${name}`).join(' ');
    await user.plant('apt', `exec apt-get ${own} -o APT::Sandbox::User=root -o Debug::NoLocking=1 --simulate "$@"`);
    for (const name of ['State::Lists/partial', 'Cache/archives/partial'])
      await mkdir(join(user.home, 'apt', name), { recursive: true });
    await user.start(`apt-get ${own} -o APT::Sandbox::User=root -qq update`, user.home);
  });
  afterAll(() => user[Symbol.asyncDispose]());

  /** Where things are here. */
  const here = (command: string): string =>
    command
      .replaceAll('/usr/local/bin', user.bin)
      .replaceAll('/srv/statectl', join(user.home, 'state'))
      .replaceAll('192.168.7.1:8080', `127.0.0.1:0 --tls-listen 127.0.0.1:0 --kernel-args "${baseCmdline()}"`)
      .replace('ssh root@ADDRESS', `ssh -p ${sshPort} -o StrictHostKeyChecking=no -i ~/.ssh/id_ed25519 root@127.0.0.1`);
  const type = async (start: string, cwd = lab) => (await user.start(here(guide.command(start)), cwd)).all;

  test('has the program, and finds the packages of Debian that it needs', async () => {
    await type('npm run build', clone);
    expect((await user.start('command -v statectl', lab.replace(/lab$/, ''))).stdout).toBe(join(user.bin, 'statectl'));
    for (const start of ['sudo apt install mmdebstrap', 'sudo apt install dnsmasq'])
      expect(await type(start, clone)).toMatch(/\d+ newly installed, 0 to remove/);
  });

  test('says who may log in', async () => {
    await type('mkdir ~/lab', clone);
    await mkdir(join(user.home, '.ssh'), { mode: 0o700 });
    const making = user.start(guide.command('ssh-keygen'), user.home);
    // The file, since it would ask the system whose home is where, and twice no passphrase.
    making.stdin.end(`${user.home}/.ssh/id_ed25519\n\n\n`);
    await making;
    await type('cat > config.d/system/users.conf');
    await type('statectl config check');
    const key = (await readFile(join(user.home, '.ssh/id_ed25519.pub'), 'utf8')).trim();
    expect(await readFile(join(lab, 'config.d/system/users.conf'), 'utf8')).toContain(key);
  });

  test('builds a Debian and its initramfs', async () => {
    for (const start of ['sudo install -d', 'statectl build keys', 'sudo statectl build image --from debian:bookworm'])
      await type(start);
    await type('sudo statectl initramfs build');
    expect(JSON.parse(await readFile(join(lab, 'out/lab/manifest.json'), 'utf8'))).toMatchObject({ name: 'lab' });
  });

  test('serves it, and logs in on the PC that boots it', async () => {
    for (const start of ['statectl image add', 'statectl image use lab --state']) await type(start);
    // In the shell's place, so that a signal reaches it.
    const serve = user.start(`exec ${here(guide.command('statectl serve --state'))}`, lab);
    let said = '';
    serve.all.on('data', (chunk: Buffer) => {
      said += String(chunk);
    });
    try {
      await expect.poll(() => said).toMatch(/http:\/\/127\.0\.0\.1:\d+/);
      const [, port] = /http:\/\/127\.0\.0\.1:(\d+)/.exec(said) ?? [];
      await using vm = await bootMachine({
        netboot: { guestUrl: `http://10.0.2.2:${port}` },
        nics: [{ netdev: `user,hostfwd=tcp:127.0.0.1:${sshPort}-:22` }],
      });
      await vm.console(/login: /);
      const ssh = here(guide.command('ssh root@ADDRESS'));
      await expect.poll(() => user.start(`${ssh} id -un`, lab).then(({ stdout }) => stdout, String)).toBe('root');
      for (const command of [guide.command('statectl status'), readme.command('statectl status')])
        expect((await user.start(`${ssh} ${command}`, lab)).stdout).toMatch(/^image +lab [^]*kept at a reboot/);
      // The image has no sudo; root needs none.
      const asRoot = readme.command('sudo statectl status').replace('sudo ', '');
      expect((await user.start(`${ssh} ${asRoot}`, lab)).stdout).toMatch(/^persistent +nothing$/m);
      const { stdout } = await user.start(`${ssh} ${readme.command('statectl licences')}`, lab);
      expect(stdout).toMatch(/Node\.js 26[^]*END OF TERMS/);
      expect(said).toMatch(/10\.0\.2\.15|127\.0\.0\.1/);
    } finally {
      serve.kill('SIGTERM');
      await serve.catch(() => undefined);
    }
  });

  test('has typed every command that typed-commands.ts says of this file', () => {
    expect([...guide.untyped, ...readme.untyped]).toEqual([]);
  });
});
