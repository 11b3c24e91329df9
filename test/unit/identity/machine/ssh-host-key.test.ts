import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { hostKey, hostKeyFiles, placeHostKey } from '../../../../src/identity/machine/ssh-host-key.ts';

const HOME = '/disk/identity';
const { key, publicKey, certificate } = hostKeyFiles(HOME);
const modeOf = async (host: ReturnType<typeof memoryHost>, path: string) =>
  ((await host.files.stat(path))?.mode ?? 0) & 0o777;

it('the SSH host key is made once, for its owner only, and its public half is what ssh-keygen makes of it', async () => {
  const host = memoryHost();
  const line = await hostKey(host, HOME);
  expect([await modeOf(host, HOME), await modeOf(host, key)]).toEqual([0o700, 0o600]);
  expect(await host.files.readText(publicKey)).toBe(`${line}\n`);
  const before = host.calls.length;
  expect(await hostKey(host, HOME)).toBe(line);
  expect(host.calls.length).toBe(before);
  const dir = mkdtempSync(join(tmpdir(), 'statectl-host-key-'));
  try {
    writeFileSync(join(dir, 'key'), await host.files.readText(key), { mode: 0o600 });
    const made = execFileSync('ssh-keygen', ['-y', '-f', join(dir, 'key')], { encoding: 'utf8' });
    expect(made.trim().split(' ').slice(0, 2).join(' ')).toBe(line);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

it('what a power cut left of it is made whole: the public half again, and another key for half of one', async () => {
  const host = memoryHost();
  const line = await hostKey(host, HOME);
  await host.files.remove(publicKey);
  expect(await hostKey(host, HOME)).toBe(line);
  expect(await host.files.readText(publicKey)).toBe(`${line}\n`);
  await host.files.write(key, (await host.files.readText(key)).slice(0, 60));
  const next = await hostKey(host, HOME);
  expect(next).not.toBe(line);
  expect(await host.files.readText(publicKey)).toBe(`${next}\n`);
  expect(await modeOf(host, key)).toBe(0o600);
});

it.each([
  [
    'with its certificate',
    'signed',
    ['HostKey /etc/ssh/x/ssh_host_key', 'HostCertificate /etc/ssh/x/ssh_host_key-cert.pub'],
  ],
  ['alone where none signed it', undefined, ['HostKey /etc/ssh/x/ssh_host_key']],
])('it is put where sshd looks, %s', async (_title, signed, lines) => {
  const host = memoryHost();
  const line = await hostKey(host, HOME);
  if (signed) await host.files.write(certificate, signed);
  await placeHostKey(host, HOME, '/etc/ssh/x');
  const there = hostKeyFiles('/etc/ssh/x');
  expect(await host.files.readText(there.key)).toBe(await host.files.readText(key));
  expect([await modeOf(host, '/etc/ssh/x'), await modeOf(host, there.key)]).toEqual([0o711, 0o600]);
  expect(await host.files.readText(there.publicKey)).toBe(`${line}\n`);
  expect(await host.files.readText(there.certificate).catch(() => undefined)).toBe(signed);
  expect(await host.files.readText('/etc/ssh/x/sshd.conf')).toBe(`# Made by statectl at boot.\n${lines.join('\n')}\n`);
});
