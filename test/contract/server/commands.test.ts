import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import { afterEach, expect, test, vi } from 'vitest';
import { imageCommand } from '../../../src/commands/image.ts';
import { serveCommand } from '../../../src/commands/serve.ts';
import { type TemporaryStore, temporaryStore } from '../../fixtures/server/temporary-store.ts';

afterEach(() => vi.restoreAllMocks());

/** Runs a verb as the shell would, and returns what it printed to stdout. */
async function run(...argv: string[]): Promise<string> {
  let printed = '';
  const print = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed += chunk;
    return true;
  });
  const program = new Command('statectl').addCommand(imageCommand()).addCommand(serveCommand());
  const quiet = (command: Command): void => {
    command.exitOverride().configureOutput({ writeErr: () => {}, outputError: () => {} });
    command.commands.forEach(quiet);
  };
  quiet(program);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } finally {
    print.mockRestore();
  }
  return printed;
}

const image = (temporary: TemporaryStore, ...argv: string[]) => run('image', ...argv, '--state', temporary.store.root);

test('an image is added, used, shown, released and removed', async () => {
  await using temporary = await temporaryStore();
  const { dir } = await temporary.imageDir();
  expect(await image(temporary, 'list')).toBe('no images yet: add one with `statectl image add DIR`\n');
  // A slip of the pen must not leave the signature unchecked.
  for (const keys of ['/nowhere', dir])
    await expect(image(temporary, 'add', dir, '--keys', keys)).rejects.toMatchObject({ code: 'key-missing' });
  expect(await image(temporary, 'add', dir)).toBe('added lab@20261120.1\n');
  expect(await image(temporary, 'add', dir)).toBe('lab@20261120.1 is there already, with the same content\n');
  expect(await image(temporary, 'use', 'lab', '--for', 'mac=5254.0012.3456')).toBe(
    'lab@20261120.1 is what mac=52:54:00:12:34:56 boots now\n',
  );
  const table = await image(temporary, 'list');
  expect(table.replace(/\d{4}-\d\d-\d\d \d\d:\d\d/, '2026-11-20 12:00')).toBe(
    'IMAGE           ARCH    KERNEL          SIZE    ADDED             USED FOR               BOOTED BY\n' +
      'lab@20261120.1  x86_64  6.1.0-44-amd64  0.0 MB  2026-11-20 12:00  mac=52:54:00:12:34:56  -\n',
  );
  expect(JSON.parse(await image(temporary, 'show', 'lab', '--json'))).toMatchObject({
    name: 'lab',
    version: '20261120.1',
    usedFor: ['mac=52:54:00:12:34:56'],
    bootedBy: [],
  });
  await expect(image(temporary, 'remove', 'lab@20261120.1')).rejects.toMatchObject({ code: 'image-in-use' });
  expect(await image(temporary, 'release', 'mac=525400123456')).toBe('mac=52:54:00:12:34:56 has no image now\n');
  expect(await image(temporary, 'remove', 'lab@20261120.1')).toBe('removed lab@20261120.1 and 3 of its files\n');
});

test('an image is taken only with the signature of the builder whose keys are named', async () => {
  await using temporary = await temporaryStore();
  const [made, other] = [await temporary.imageDir(), await temporary.imageDir()];
  const keys = join(temporary.folder, 'keys');
  await mkdir(keys);
  await writeFile(join(keys, 'image.pem'), other.publicKeyPem);
  await expect(image(temporary, 'add', made.dir, '--keys', keys)).rejects.toMatchObject({ code: 'image-unsigned' });
  // Its successor signs too.
  await writeFile(join(keys, 'image.next.pem'), made.publicKeyPem);
  expect(await image(temporary, 'add', made.dir, '--keys', keys)).toBe('added lab@20261120.1\n');
});

test('a selector or an address that cannot be is a usage error with an example', async () => {
  await using temporary = await temporaryStore();
  await expect(image(temporary, 'use', 'lab', '--for', 'name=x')).rejects.toMatchObject({
    code: 'commander.invalidArgument',
    message: expect.stringContaining('mac=52:54:00:12:34:56'),
  });
  await expect(run('serve', '--listen', 'nowhere')).rejects.toMatchObject({ code: 'commander.invalidArgument' });
  for (const words of [
    ['--tls-cert', '/x'],
    ['--tls-key', '/x'],
    ['--tls-cert', '/x', '--tls-key', '/x'],
  ])
    await expect(run('serve', '--state', temporary.store.root, ...words)).rejects.toMatchObject({ code: 'usage' });
  await expect(run('serve', '--kernel-args', 'a || b')).rejects.toMatchObject({ code: 'commander.invalidArgument' });
  for (const count of ['0', '-1', 'many'])
    await expect(run('serve', '--max-transfers', count)).rejects.toMatchObject({ code: 'commander.invalidArgument' });
});

test('the state directory may come from the environment', async () => {
  await using temporary = await temporaryStore();
  vi.stubEnv('STATECTL_STATE', temporary.store.root);
  expect(await run('image', 'list', '--json')).toBe('[]\n');
  vi.unstubAllEnvs();
});

test('the configuration of dnsmasq names the server as machines reach it', async () => {
  const configuration = await run('serve', '--listen', '192.168.7.1:8080', '--print-dnsmasq', '--dhcp', 'full');
  expect(configuration).toContain('dhcp-boot=tag:ipxe,http://192.168.7.1:8080/boot.ipxe\n');
  await expect(run('serve', '--print-dnsmasq')).rejects.toMatchObject({ code: 'url-missing' });
});

test('every verb has an example in its help', () => {
  const help = (command: Command): string => {
    let shown = '';
    command.configureOutput({ writeOut: (part) => (shown += part) }).outputHelp();
    return shown;
  };
  for (const command of [serveCommand(), imageCommand(), ...imageCommand().commands])
    expect(help(command)).toMatch(/Examples?:\n {2}statectl /);
});

test('the server tells its URL, logs requests as JSON lines, and SIGTERM ends it well', async () => {
  await using temporary = await temporaryStore();
  const program = `
    import { serveCommand } from ${JSON.stringify(join(import.meta.dirname, '../../../src/commands/serve.ts'))};
    await serveCommand().parseAsync(process.argv.slice(1), { from: 'user' });`;
  const argv = ['--state', temporary.store.root, '--listen', '127.0.0.1:0', '--json'];
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, '--', ...argv]);
  const exit = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  const first = new Promise<Buffer>((resolve) => child.stdout.once('data', resolve));
  const complaints = text(child.stderr);
  const listening = JSON.parse(String(await Promise.race([first, complaints])));
  expect(listening).toMatchObject({ event: 'listening', state: temporary.store.root });
  const rest = text(child.stdout);
  expect((await fetch(`${listening.url}/healthz`)).status).toBe(200);
  child.kill('SIGTERM');
  expect(await exit).toBe(0);
  const lines = (await rest)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map((line) => line.event ?? line.path)).toEqual(['/healthz', 'stopping', 'stopped']);
});
