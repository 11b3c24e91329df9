import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { keepStopLogs } from '../../../src/machine/logs/keep-stop-logs.ts';
import { plainChunks, readArchive } from '../../../src/machine/logs/read-archive.ts';
import { type StoppingSystem, stoppingSystem } from '../../fixtures/logs/stopping-system.ts';

const MIB = 2 ** 20;
let system: StoppingSystem;
afterEach(() => rmSync(system.dir, { recursive: true, force: true }));

async function membersOf({ ring, host }: StoppingSystem, name = 'stop-000007.tar'): Promise<Map<string, string>> {
  const members = new Map<string, string>();
  await readArchive(plainChunks(host.files, `${ring}/${name}`), (member) => {
    members.set(member.name, '');
    return (chunk) => void members.set(member.name, `${members.get(member.name)}${Buffer.from(chunk).toString()}`);
  });
  return members;
}

/** By tar(1), as an admin would look into it. */
const tarList = (path: string): string[] =>
  execFileSync('tar', ['-tf', path], { encoding: 'utf8' }).split('\n').filter(Boolean);

describe('the logs of a system that stops', () => {
  it('are kept, private, in one archive that tar(1) reads too', async () => {
    system = stoppingSystem();
    mkdirSync(`${system.varLog}/nginx`);
    writeFileSync(`${system.varLog}/nginx/access.log`, 'GET /\n');
    writeFileSync(`${system.varLog}/syslog`, 'down\n', { mode: 0o640 });
    expect(await keepStopLogs(system.host, system.settings)).toEqual({
      ...{ dir: system.ring, number: 7, files: 2, left: 0 },
    });
    const path = `${system.ring}/stop-000007.tar`;
    const folder = system.varLog.slice(1);
    expect(tarList(path)).toEqual(['dmesg.txt', `${folder}/nginx/access.log`, `${folder}/syslog`]);
    expect(execFileSync('tar', ['-xOf', path, `${folder}/syslog`], { encoding: 'utf8' })).toBe('down\n');
    expect([statSync(path).mode & 0o777, statSync(system.ring).mode & 0o777]).toEqual([0o600, 0o700]);
    expect((await membersOf(system)).get('dmesg.txt')).toBe('[ 0.1] Kernel command line: statectl.token=[redacted]\n');
  });

  it('are compressed where log.conf says so, and take the place of what the same boot kept before', async () => {
    system = stoppingSystem({ compress: 'zstd' });
    writeFileSync(`${system.varLog}/syslog`, 'line\n'.repeat(100_000));
    await keepStopLogs(system.host, { ...system.settings, compress: 'none' });
    await keepStopLogs(system.host, system.settings);
    expect(readdirSync(system.ring)).toEqual(['stop-000007.tar.zst']);
    expect(statSync(`${system.ring}/stop-000007.tar.zst`).size).toBeLessThan(5000);
    expect((await membersOf(system, 'stop-000007.tar.zst')).get(`${system.varLog.slice(1)}/syslog`)).toHaveLength(
      500_000,
    );
  });

  it('follow no link of a user, wait for no pipe, and say what was left out', async () => {
    system = stoppingSystem();
    const secret = `${system.dir}/secret`;
    writeFileSync(secret, 'the secret');
    const at = (name: string) => `${system.varLog}/${name}`;
    symlinkSync(secret, at('link.log'));
    symlinkSync(system.dir, at('everything'));
    symlinkSync('/dev/zero', at('zero'));
    execFileSync('mkfifo', [at('pipe')]);
    const server = createServer().listen(at('socket'));
    await new Promise((listening) => server.once('listening', listening));
    writeFileSync(at('real.log'), 'real');
    writeFileSync(at('boot-000001.log'), 'of a ring that lies here');
    await keepStopLogs(system.host, system.settings);
    server.close();
    const members = await membersOf(system);
    const folder = system.varLog.slice(1);
    expect([...members.keys()]).toEqual(['dmesg.txt', `${folder}/real.log`, 'left-out.txt']);
    expect([...members.values()].join()).not.toContain('the secret');
    for (const name of ['everything', 'link.log', 'pipe', 'socket', 'zero'])
      expect(members.get('left-out.txt')).toMatch(
        new RegExp(`^${folder}/${name}: it is (a symbolic link|no regular file)$`, 'm'),
      );
  });

  it('go by a link of root to what log.conf names, and by none of another', async () => {
    system = stoppingSystem();
    writeFileSync(`${system.varLog}/syslog`, 'x');
    const [ours, theirs] = [`${system.dir}/ours`, `${system.dir}/theirs`];
    for (const path of [ours, theirs]) symlinkSync(system.varLog, path);
    lchownSync(theirs, 1000, 1000);
    await keepStopLogs(system.host, {
      ...system.settings,
      archive: [ours, theirs, `${ours}/syslog`, '/nowhere/at/all'],
    });
    const members = await membersOf(system);
    expect([...members.keys()]).toEqual(['dmesg.txt', `${ours.slice(1)}/syslog`, 'left-out.txt']);
    expect(members.get('left-out.txt')).toBe(
      `${theirs.slice(1)}: ${theirs} on the way is a link of another than root\n`,
    );
  });

  it('take half of the room at most: of 100 GB the end', async () => {
    system = stoppingSystem({ limitBytes: 4 * MIB });
    const large = `${system.varLog}/klippy.log`;
    writeFileSync(large, '');
    truncateSync(large, 100 * 2 ** 30);
    writeFileSync(large, 'the last line\n', { flag: 'a' });
    writeFileSync(`${system.varLog}/small.log`, 'small\n');
    await keepStopLogs(system.host, system.settings);
    expect(statSync(`${system.ring}/stop-000007.tar`).size).toBeLessThanOrEqual(2 * MIB);
    const members = await membersOf(system);
    expect(members.get(large.slice(1))?.endsWith('\0the last line\n')).toBe(true);
    expect(members.get('left-out.txt')).toMatch(/klippy\.log: its first 1073\d+ bytes\n$/);
  });

  it('are whole where a log is written to, cut or removed meanwhile', async () => {
    system = stoppingSystem();
    const { host, varLog } = system;
    for (const name of ['cut', 'gone', 'grown']) writeFileSync(`${varLog}/${name}`, name.repeat(1000));
    const files: typeof host.files = {
      ...host.files,
      async openTree(path, owner) {
        const tree = await host.files.openTree(path, owner);
        return {
          ...tree,
          async scan() {
            const found = await tree.scan();
            truncateSync(`${varLog}/cut`, 100);
            rmSync(`${varLog}/gone`);
            writeFileSync(`${varLog}/grown`, 'more', { flag: 'a' });
            return found;
          },
        };
      },
    };
    await keepStopLogs({ ...host, files }, system.settings);
    const members = await membersOf(system);
    const folder = varLog.slice(1);
    expect(members.get(`${folder}/grown`)).toBe('grown'.repeat(1000));
    expect(members.get(`${folder}/cut`)).toHaveLength(3000);
    expect(members.get('left-out.txt')).toBe(
      `${folder}/cut: its last 2900 bytes are not there: it was cut meanwhile\n${folder}/gone: it is gone\n`,
    );
  });

  it('are kept nowhere, and nothing is said against it, where no disk is there', async () => {
    system = stoppingSystem();
    expect(await keepStopLogs(system.host, { ...system.settings, keep: 0 })).toBeUndefined();
    const files = { ...system.host.files, readText: async () => 'tmpfs / tmpfs rw 0 0\n' };
    expect(await keepStopLogs({ ...system.host, files }, system.settings)).toBeUndefined();
  });
});

describe.skipIf(process.getuid?.() !== 0)('a disk that is full', () => {
  const mount = (...argv: string[]) => {
    try {
      execFileSync('mount', argv, { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };

  it('gets room by the oldest logs, or keeps nothing half and is left as it was', async ({ skip }) => {
    system = stoppingSystem({ limitBytes: 64 * MIB });
    const { ring, varLog, host, settings } = system;
    mkdirSync(ring);
    if (!mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', ring)) return skip();
    try {
      for (const number of [1, 2, 3]) writeFileSync(`${ring}/boot-00000${number}.log`, Buffer.alloc(300_000));
      chmodSync(ring, 0o700);
      writeFileSync(`${varLog}/syslog`, Buffer.alloc(400_000, 'x'));
      await keepStopLogs(host, settings);
      expect(readdirSync(ring)).toEqual(['boot-000002.log', 'boot-000003.log', 'stop-000007.tar']);
      writeFileSync(`${varLog}/syslog`, Buffer.alloc(2_000_000, 'x'));
      await expect(keepStopLogs(host, settings)).rejects.toThrow('ENOSPC');
      expect(readdirSync(ring)).toEqual(['stop-000007.tar']);
      expect((await membersOf(system)).get(`${varLog.slice(1)}/syslog`)).toHaveLength(400_000);
    } finally {
      execFileSync('umount', [ring]);
    }
  });
});
