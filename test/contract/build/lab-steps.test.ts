import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { program } from '../../fixtures/elf.ts';
import { ko } from '../../fixtures/ko.ts';
import { canBeTwo, PERSON, type People, twoPeople } from '../../fixtures/two-people.ts';

const starts = (...programs: string[]) => programs.every((name) => spawnSync(name, ['--version']).error === undefined);
const canBuild =
  canBeTwo && process.arch === 'x64' && existsSync('/bin/busybox') && starts('mksquashfs', 'depmod', 'patchelf');

/** The commands of the guide, block by block. */
function blocksOf(path: string): readonly (readonly string[])[] {
  const text = readFileSync(path, 'utf8');
  return [...text.matchAll(/^```\n([^]*?)^```$/gm)].map(([, block = '']) => block.trim().split('\n'));
}

const blocks = blocksOf('docs/start/lab.md');
/** The block in which a line begins so. */
const blockWith = (start: string): readonly string[] => {
  const block = blocks.find((lines) => lines.some((line) => line.startsWith(start)));
  if (!block) throw new Error(`docs/start/lab.md has no line that begins with ${start}`);
  return block;
};

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
  mkdirSync(bin, { recursive: true });
  execFileSync('cp', ['-r', 'initramfs', scripts]);
  for (const [name, text] of Object.entries({ tools: '/usr/bin/true\n', 'tools-packages': '', applets: 'sh mount\n' }))
    writeFileSync(join(scripts, name), text);
  const more = `--tools / --scripts ${scripts} --statectl /usr/bin/env --modules-compression zstd-fast --compression zstd-fast`;
  writeFileSync(
    join(bin, 'statectl'),
    `#!/bin/sh\n[ "$1 $2" != "initramfs build" ] || set -- "$@" ${more}\nexec ${checkout}/node_modules/.bin/node ${checkout}/src/main.ts "$@"\n`,
  );
  chmodSync(join(bin, 'statectl'), 0o755);
}

beforeAll(() => {
  if (!canBuild) return;
  dir = mkdtempSync(join(tmpdir(), 'statectl-readme-'));
  people = twoPeople(dir, join(dir, 'bin'));
  plantTree(join(dir, 'my-root'));
  plantStatectl(join(dir, 'bin'), join(dir, 'scripts'), people.checkout);
});
afterAll(() => {
  if (canBuild) rmSync(dir, { recursive: true });
});

/** Where things are here instead of in /srv. */
const here = (line: string): string =>
  line
    .replaceAll('/srv/statectl', join(dir, 'state'))
    .replaceAll('/srv/my-root', join(dir, 'my-root'))
    .replaceAll('192.168.7.1:8080', '127.0.0.1:0 --tls-listen 127.0.0.1:0');

const lab = () => join(dir, 'lab');

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
    const [copy = ''] = blockWith('npm run build').filter((line) => line.startsWith('mkdir ~/lab'));
    const { status, stderr } = people.person(`cd ${people.checkout} && ${copy}`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    people.person(
      'mkdir -p .ssh && echo "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIZvR3CNqGUOyXrgrh3cJE5jOpnJe1KQbT5oTgVMp5bb me@lab" >.ssh/id_ed25519.pub',
    );
    type(blockWith('cat > config.d/system/users.conf').join('\n'));
    const said = type('statectl config show --json');
    expect(JSON.parse(said)).toMatchObject({
      config: { users: { users: { root: { authorizedKeys: [expect.stringContaining('AAAAC3NzaC1lZDI1NTE5')] } } } },
    });
  });

  it('is told at once that building a system needs sudo, and finds nothing half made', () => {
    const build = here(blockWith('sudo statectl build image').find((line) => line.includes('/srv/my-root')) ?? '');
    const { status, stderr } = people.person(build.replace('sudo ', ''), lab());
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining('→ run it again with sudo: sudo statectl build image'),
    });
    expect(existsSync(join(lab(), 'out'))).toBe(false);
    expect(existsSync(join(lab(), 'keys'))).toBe(false);
  });

  it('builds a system and its initramfs with sudo, as written, and owns what came of it', () => {
    // That one is fetched from Debian.
    for (const line of blockWith('sudo statectl build image')) if (!line.includes('debian:bookworm')) type(line);
    expect(rootsIn(lab(), join(dir, 'state'))).toBe('');
    expect(statSync(join(lab(), 'keys/image.key'))).toMatchObject({ uid: PERSON.uid, gid: PERSON.gid });
    expect(statSync(join(lab(), 'keys/image.key')).mode & 0o777).toBe(0o600);
  });

  it('goes on without sudo: adds the image, lets machines boot it, and serves it', async () => {
    const lines = blockWith('statectl image add');
    for (const line of lines) if (!line.startsWith('statectl serve')) type(line);
    expect(type(`statectl image list --state ${join(dir, 'state')}`)).toContain('mac=52:54:00:12:34:56');
    const serve = people.start(here(lines.find((line) => line.startsWith('statectl serve')) ?? ''), lab());
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

  it('writes what dnsmasq has to know, beside another DHCP server and as the only one', () => {
    const prints = blockWith('sudo apt install dnsmasq').filter((line) => line.startsWith('statectl serve'));
    // Nobody listens there: they are typed as they stand.
    const [beside = '', full = ''] = prints.map((line) => people.person(line.split(' | ')[0] ?? '', lab()).stdout);
    expect(beside).toContain('dhcp-range=192.168.7.0,proxy');
    expect(full).toMatch(/^interface=eth1$/m);
  });

  it('makes the same again over what is there: with sudo, then without', () => {
    type(blockWith('sudo statectl build image').find((line) => line.includes('/srv/my-root')) ?? '');
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
});
