import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { program } from '../../fixtures/image/elf.ts';
import { ko } from '../../fixtures/image/ko.ts';
import { Guide } from '../../fixtures/reader/guide.ts';
import { canBeTwo, PERSON, type People, twoPeople } from '../../fixtures/state/two-people.ts';

const starts = (...programs: string[]) => programs.every((name) => spawnSync(name, ['--version']).error === undefined);
const canBuild =
  canBeTwo && process.arch === 'x64' && existsSync('/bin/busybox') && starts('mksquashfs', 'depmod', 'patchelf');

const guide = new Guide('docs/start/lab.md', import.meta.url);
const readme = new Guide('README.md', import.meta.url);

let dir: string;
let people: People;

/** A system in small, which is at hand without a network. */
function plantTree(tree: string): void {
  const files: [string, string | Uint8Array][] = [
    ['usr/bin/sh', program({})],
    ['etc/hostname', 'builder\n'],
    ['sbin/init', '#!/bin/sh\n'],
    ['boot/vmlinuz-6.1', 'kernel'],
    ...['loop', 'squashfs', 'virtio_net'].map(
      (name) => [`usr/lib/modules/6.1/kernel/drivers/net/ethernet/${name}.ko`, ko({})] as [string, Uint8Array],
    ),
  ];
  for (const [path, data] of files) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), data);
    chmodSync(join(tree, path), 0o755);
  }
  for (const name of ['bin', 'lib']) execFileSync('ln', ['-s', `usr/${name}`, join(tree, name)]);
  execFileSync('depmod', ['-b', tree, '6.1'], { stdio: 'ignore' });
}

/** `statectl` as it would lie in /usr/local/bin; its initramfs are made of this machine's own programs, since Debian's would be fetched. */
function plantStatectl(bin: string, scripts: string, checkout: string): void {
  execFileSync('cp', ['-r', 'initramfs', scripts]);
  for (const [name, text] of Object.entries({ tools: '/usr/bin/true\n', 'tools-packages': '', applets: 'sh mount\n' }))
    writeFileSync(join(scripts, name), text);
  const more = `--tools / --scripts ${scripts} --statectl /usr/bin/env --modules-compression zstd-fast --compression zstd-fast`;
  plantProgram(
    join(bin, 'statectl'),
    `[ "$1 $2" != "initramfs build" ] || set -- "$@" ${more}\nexec ${checkout}/node_modules/.bin/node ${checkout}/src/main.ts "$@"`,
  );
}

function plantProgram(path: string, lines: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${lines}\n`);
  chmodSync(path, 0o755);
}

/** What looks at its configuration as Debian's dnsmasq.service does before it starts, and starts nothing. */
const SYSTEMCTL = (dir: string) =>
  `[ "$*" = "restart dnsmasq" ] && exec dnsmasq --test --conf-file=/dev/null --conf-dir=${dir}`;

beforeAll(() => {
  if (!canBuild) return;
  dir = mkdtempSync(join(tmpdir(), 'statectl-readme-'));
  people = twoPeople(dir, join(dir, 'bin'));
  plantTree(join(dir, 'tree'));
  execFileSync('mksquashfs', [join(dir, 'tree'), join(dir, 'my.squashfs'), '-quiet', '-no-progress'], {
    stdio: 'ignore',
  });
  plantStatectl(join(dir, 'bin'), join(dir, 'scripts'), people.checkout);
  plantProgram(join(dir, 'bin/systemctl'), SYSTEMCTL(join(dir, 'dnsmasq.d')));
  // Behind a pipe: who types has the rights already that these files take here.
  plantProgram(join(dir, 'bin/sudo'), 'exec "$@"');
  mkdirSync(join(dir, 'dnsmasq.d'));
  chownSync(join(dir, 'dnsmasq.d'), PERSON.uid, PERSON.gid);
});
afterAll(() => {
  if (canBuild) rmSync(dir, { recursive: true });
});

/** Where things are here instead of in /srv, and what is listened at. */
const here = (line: string, listen = '127.0.0.1:0 --tls-listen 127.0.0.1:0'): string =>
  line
    .replaceAll('/srv/statectl', join(dir, 'state'))
    .replaceAll('/srv/my-root', join(dir, 'my-root'))
    .replaceAll('/etc/dnsmasq.d', join(dir, 'dnsmasq.d'))
    .replaceAll('/dev/sdaN', join(dir, 'partition'))
    .replaceAll(' my.squashfs', ` ${join(dir, 'my.squashfs')}`)
    .replaceAll('192.168.7.1:8080', listen || '192.168.7.1:8080');

const lab = () => join(dir, 'lab');
const BUILD = 'sudo statectl build image --from /srv/my-root';

/** Types a line as it stands: what begins with sudo is run by that, with what the person's shell made of the words. */
function type(line: string) {
  const text = here(line);
  const { status, stdout, stderr } = text.startsWith('sudo ')
    ? people.sudo(text.slice('sudo '.length), lab())
    : people.person(text, lab());
  expect({ line, status, stderr: status === 0 ? '' : stderr }).toEqual({ line, status: 0, stderr: '' });
  return stdout;
}

/** What is root's among what the person works with. */
const rootsIn = (...paths: string[]) => execFileSync('find', [...paths, '-uid', '0'], { encoding: 'utf8' });

describe.skipIf(!canBuild)('a first-time user who follows docs/start/lab.md', { timeout: 120_000 }, () => {
  it('has a folder to work in, with settings that let somebody log in', () => {
    const { status, stderr } = people.person(`cd ${people.checkout} && ${guide.command('mkdir ~/lab')}`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    people.person(
      'mkdir -p .ssh && echo "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIZvR3CNqGUOyXrgrh3cJE5jOpnJe1KQbT5oTgVMp5bb me@lab" >.ssh/id_ed25519.pub',
    );
    type(guide.command('cat > config.d/system/users.conf'));
    type(guide.command('statectl config check'));
    const said = type('statectl config show --json');
    expect(JSON.parse(said)).toMatchObject({
      config: { users: { users: { root: { authorizedKeys: [expect.stringContaining('AAAAC3NzaC1lZDI1NTE5')] } } } },
    });
  });

  it('is told at once that building a system needs sudo, and finds nothing half made', () => {
    const build = here(guide.command(BUILD));
    const { status, stderr } = people.person(build.replace('sudo ', ''), lab());
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining('→ run it again with sudo: sudo statectl build image'),
    });
    expect(existsSync(join(lab(), 'out'))).toBe(false);
    expect(existsSync(join(lab(), 'keys'))).toBe(false);
  });

  it('builds a system and its initramfs with sudo, as written, and owns what came of it', () => {
    for (const start of ['sudo install -d', 'statectl build keys', 'sudo unsquashfs', BUILD, 'sudo statectl initramfs'])
      type(guide.command(start));
    expect(rootsIn(lab(), join(dir, 'state'))).toBe('');
    expect(statSync(join(lab(), 'keys/image.key'))).toMatchObject({ uid: PERSON.uid, gid: PERSON.gid });
    expect(statSync(join(lab(), 'keys/image.key')).mode & 0o777).toBe(0o600);
  });

  it('goes on without sudo: adds the image, lets machines boot it, and serves it', async () => {
    for (const start of ['statectl image add', 'statectl image use lab --state', 'statectl image use lab --for'])
      type(guide.command(start));
    const listed = type(guide.command('statectl image list'));
    expect(listed).toContain('mac=52:54:00:12:34:56');
    expect(type(`${guide.command('export STATECTL_STATE')}; statectl image list`)).toBe(listed);
    const serve = people.start(here(guide.command('statectl serve --state')), lab());
    let said = '';
    serve.stdout?.on('data', (chunk: Buffer) => {
      said += String(chunk);
    });
    serve.stderr?.on('data', (chunk: Buffer) => {
      said += String(chunk);
    });
    try {
      await expect.poll(() => said, { timeout: 60_000 }).toMatch(/http:\/\/127\.0\.0\.1:\d+/);
      const [url = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(said) ?? [];
      const answer = await fetch(`${url}/v1/boot?mac=52:54:00:12:34:56&arch=x86_64`);
      expect(await answer.json()).toMatchObject({ image: 'lab' });
    } finally {
      serve.kill('SIGTERM');
      if (serve.exitCode === null && serve.signalCode === null) await once(serve, 'exit');
    }
    expect(rootsIn(lab(), join(dir, 'state'))).toBe('');
  });

  it.each([
    ['beside another DHCP server', '--print-dnsmasq |', '\ndhcp-range=192.168.7.0,proxy,'],
    ['as the only one', '--print-dnsmasq --dhcp full', '\ninterface=eth1\n'],
  ])('gives dnsmasq a configuration with which it starts: %s', (_, options, line) => {
    const print = guide.command(`statectl serve --url http://192.168.7.1:8080 ${options}`);
    // Nobody listens there: the address stays as it stands.
    const { status, stderr } = people.person(here(print, ''), lab());
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(readFileSync(join(dir, 'dnsmasq.d/statectl.conf'), 'utf8')).toContain(line);
    expect(people.sudo(here(guide.command('sudo systemctl')).slice('sudo '.length), lab())).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('syntax check OK'),
    });
  });

  it('makes a partition that a machine finds by itself', () => {
    writeFileSync(join(dir, 'partition'), Buffer.alloc(1 << 20));
    type(guide.command('sudo mkfs.ext4'));
    expect(execFileSync('blkid', [join(dir, 'partition')], { encoding: 'utf8' })).toContain('LABEL="user-data"');
  });

  it('makes the same again over what is there: with sudo, then without', () => {
    type(guide.command(BUILD));
    type('statectl initramfs build --image out/lab --config config.d --out out/lab/initramfs.img');
    type('sudo statectl initramfs append config.d --to out/lab/initramfs.img');
    type(`statectl build keys --rotate image --state ${join(dir, 'state')}`);
    type('sudo statectl build keys --retire image --state ~/state'.replace('~', dir));
    expect(rootsIn(lab(), join(dir, 'state'))).toBe('');
    type('statectl build keys --list --state ~/state');
  });

  it('is told of an initramfs that has no authority in it, before machines get no secrets by it', () => {
    const build = 'statectl initramfs build --image out/lab --out out/lab/initramfs.img --keys other-keys';
    const { status, stderr } = people.sudo(build, lab());
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining('other-keys has no ca.pem') });
    expect(rootsIn(lab())).toBe('');
  });

  it('does not get what is put into a folder of root', () => {
    mkdirSync(join(dir, 'roots-keys'), { mode: 0o700 });
    type(`sudo statectl build keys --keys ${join(dir, 'roots-keys')} --state ${join(dir, 'other-state')}`);
    expect(statSync(join(dir, 'roots-keys/image.key')).uid).toBe(0);
    expect(statSync(join(dir, 'other-state/keys/ca.key')).uid).toBe(PERSON.uid);
    for (const name of ['roots-boot', 'roots-state']) mkdirSync(join(dir, name), { mode: 0o755 });
    type(`sudo statectl initramfs build --image out/lab --out ${join(dir, 'roots-boot/statectl.img')}`);
    expect(statSync(join(dir, 'roots-boot/statectl.img')).uid).toBe(0);
    type(`sudo statectl build keys --keys ${join(dir, 'more-keys')} --state ${join(dir, 'roots-state')}`);
    for (const path of ['keys', 'keys/ca.key', 'keys/bundle.key'])
      expect(statSync(join(dir, 'roots-state', path)).uid, path).toBe(0);
    expect(rootsIn(join(dir, 'more-keys'))).toBe('');
  });

  it('finds the guides in the program', () => {
    expect(type(readme.command('statectl manual --list'))).toContain('guide/secrets');
    expect(type(readme.command('statectl manual guide/secrets'))).toMatch(/^# Secrets/m);
  });

  it('has typed every command that typed-commands.ts says of this file', () => {
    expect([...guide.untyped, ...readme.untyped]).toEqual([]);
  });
});
