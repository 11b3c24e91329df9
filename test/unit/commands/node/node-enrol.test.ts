import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { program } from '../../../../src/cli.ts';
import { linuxHost } from '../../../../src/host/linux/host.ts';
import { fingerprintOf } from '../../../../src/identity/certificates/fingerprint.ts';
import { openSecretStore } from '../../../../src/server/machines/secret-store.ts';
import { openStore } from '../../../../src/server/store/store.ts';
import { type MachineKeys, machineKeys } from '../../../fixtures/identity/machine-keys.ts';

let state: string;
let enrolments: MachineKeys;
const ONE = 'a1'.repeat(32);
const OTHER = 'b2'.repeat(32);

beforeEach(async () => {
  state = mkdtempSync(join(tmpdir(), 'statectl-enrol-'));
  await openStore(state, linuxHost(), 'create');
  enrolments = await machineKeys(state, { ...linuxHost().clock, now: () => Date.parse('2026-11-21T12:00:00Z') });
  await enrolments.wait({ digest: ONE, node: 'print01', claims: { mac: '52:54:00:12:34:01' }, remote: '10.0.0.1' });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await enrolments[Symbol.asyncDispose]();
  rmSync(state, { recursive: true });
});

async function run(...argv: string[]): Promise<string> {
  let printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed += chunk;
    return true;
  });
  await program().parseAsync([...argv, '--state', state], { from: 'user' });
  return printed;
}

it('shows who waits, with the fingerprint that the machine shows too', async () => {
  expect(await run('node', 'pending')).toBe(
    'FINGERPRINT               NODE     STATE    CLAIMS             FROM      SEEN              LOOK\n' +
      `${fingerprintOf(ONE)}  print01  pending  52:54:00:12:34:01  10.0.0.1  2026-11-21 12:00\n`,
  );
});

it('approves by fingerprint, and the node of config.d is the one', async () => {
  expect(await run('node', 'approve', fingerprintOf(ONE))).toBe(`print01 is known by ${fingerprintOf(ONE)} now\n`);
  expect(await enrolments.find(ONE)).toMatchObject({ state: 'approved', proof: 'person', node: 'print01' });
  expect(await run('node', 'revoke', 'print01')).toContain('is revoked');
  expect((await enrolments.find(ONE))?.state).toBe('revoked');
});

it('asks which node a stranger is', async () => {
  await enrolments.wait({ digest: OTHER, claims: { mac: '52:54:00:99:99:99' }, remote: '10.0.0.9' });
  await expect(run('node', 'approve', fingerprintOf(OTHER))).rejects.toMatchObject({
    code: 'node-missing',
    hint: expect.stringContaining('statectl node add NAME --mac 52:54:00:99:99:99'),
  });
  await run('node', 'approve', fingerprintOf(OTHER), '--node', 'guest');
  expect((await enrolments.approvedFor('guest'))?.digest).toBe(OTHER);
});

it.each(['approve', 'deny'])('%s takes no name: another key may have it a moment later', async (verb) => {
  await expect(run('node', verb, 'print01')).rejects.toMatchObject({
    code: 'fingerprint-needed',
    hint: expect.stringContaining(`statectl node ${verb} ${fingerprintOf(ONE)}`),
  });
  await enrolments.wait({ digest: OTHER, node: 'print01', claims: {}, remote: '10.0.0.1' });
  await expect(run('node', verb, 'print01')).rejects.toMatchObject({
    hint: expect.stringMatching(new RegExp(`${fingerprintOf(ONE)}.*${fingerprintOf(OTHER)}`)),
  });
  expect((await enrolments.list()).map(({ state }) => state)).toEqual(['pending', 'pending']);
});

it('takes a fingerprint as people write it, and none that is not whole or only looks like one', async () => {
  const whole = fingerprintOf(ONE);
  const refused = [
    whole.slice(0, 4),
    whole.slice(0, -1),
    `${whole}a`,
    whole.replace('q', '9'),
    // Letters that look like those of the alphabet, and one that becomes k in lower case.
    whole.replace(/[acopxqj]/, (letter) => ({ a: 'а', c: 'с', o: 'о', p: 'р', x: 'х' })[letter] ?? 'ԛ'),
    `\u212a${whole.slice(1)}`,
    ONE,
    '',
  ];
  for (const word of refused)
    await expect(run('node', 'approve', word)).rejects.toMatchObject({ code: 'fingerprint-needed' });
  expect((await enrolments.find(ONE))?.state).toBe('pending');
  await expect(run('node', 'approve', whole.slice(0, 4))).rejects.toMatchObject({
    hint: expect.stringContaining(whole),
  });
  await run('node', 'deny', whole.toUpperCase());
  await run('node', 'approve', ` ${whole.replaceAll('-', ' ')} `);
  expect((await enrolments.find(ONE))?.state).toBe('approved');
});

it('shows both of two that say the same name, and that there are two', async () => {
  await enrolments.wait({ digest: OTHER, node: 'print01', claims: {}, remote: '10.0.0.1' });
  const [, one, other] = (await run('node', 'pending')).split('\n');
  expect(one).toMatch(new RegExp(`${fingerprintOf(ONE)}.*others wait with the same claim: ${fingerprintOf(OTHER)}`));
  expect(other).toMatch(new RegExp(`${fingerprintOf(OTHER)}.*others wait with the same claim: ${fingerprintOf(ONE)}`));
  await run('node', 'deny', fingerprintOf(OTHER));
  await run('node', 'approve', fingerprintOf(ONE));
  expect(JSON.parse(await run('node', 'pending', '--all', '--json'))).toMatchObject([
    { state: 'approved' },
    { state: 'denied' },
  ]);
});

it('approves a key as the node that it said first, whatever it says since', async () => {
  await enrolments.wait({ digest: ONE, node: 'print02', claims: { mac: '52:54:00:12:34:02' }, remote: '10.0.0.1' });
  expect(await run('node', 'pending')).toContain('it says now that it is print02');
  expect(await run('node', 'approve', fingerprintOf(ONE))).toContain('print01 is known by');
  expect(await enrolments.approvedFor('print02')).toBeUndefined();
});

it('forgets, and says so of what it does not know', async () => {
  await run('node', 'forget', 'print01');
  expect(await enrolments.list()).toEqual([]);
  await expect(run('node', 'forget', 'print01')).rejects.toMatchObject({ code: 'enrolment-unknown' });
});

it('prints the line with which clients know every machine', async () => {
  const line = await run('node', 'known-hosts', '--hosts', 'print*');
  expect(line).toMatch(/^@cert-authority print\* ssh-ed25519 [A-Za-z0-9+/]+=* statectl host authority\n$/);
  expect(await run('node', 'known-hosts', '--hosts', 'print*')).toBe(line);
  expect(statSync(join(state, 'keys/ssh_host_ca')).mode & 0o777).toBe(0o600);
});

it('keeps secrets so that only the key opens them', async () => {
  vi.spyOn(process, 'stdin', 'get').mockReturnValue(
    Readable.from([Buffer.from('canary\n')]) as unknown as typeof process.stdin,
  );
  expect(await run('secret', 'set', 'moonraker-token')).not.toContain('canary');
  expect(await run('secret', 'list')).toBe('moonraker-token\n');
  const file = join(state, 'secrets/moonraker-token.age');
  expect(readFileSync(file, 'latin1')).toMatch(/^age-encryption\.org\/v1\n/);
  expect(readFileSync(file, 'latin1')).not.toContain('canary');
  for (const path of [file, join(state, 'keys/secrets.key')]) expect(statSync(path).mode & 0o777).toBe(0o600);
  const store = await openSecretStore(linuxHost(), state);
  expect(Buffer.from((await store.read('moonraker-token')) ?? []).toString()).toBe('canary\n');
  await run('secret', 'remove', 'moonraker-token');
  expect(readdirSync(join(state, 'secrets'))).toEqual([]);
  await expect(store.write('../x', Buffer.from('x'))).rejects.toMatchObject({ code: 'secret-invalid' });
});

describe('node move', () => {
  const nodes = ['print01', 'print02', 'print03', 'print04'];
  beforeEach(async () => {
    for (const node of nodes)
      await enrolments.approve({ digest: `key of ${node}`, node, claims: {}, remote: '', proof: 'person' });
  });
  const ordered = async () => (await enrolments.orders()).map(({ node, to }) => [node, to]);

  it('orders machines to another server, which the running server finds in its database', async () => {
    const text = await run('node', 'move', 'print[01-02]', '--to', 'http://b.lab:8080/');
    expect(text).toContain('2 of 4 are asked to go to http://b.lab:8080: print[01-02]\n');
    expect(await ordered()).toEqual([
      ['print01', 'http://b.lab:8080'],
      ['print02', 'http://b.lab:8080'],
    ]);
    // Whoever waits for an older order hears the newer one alone.
    await run('node', 'move', 'print01');
    expect(await ordered()).toEqual([
      ['print02', 'http://b.lab:8080'],
      ['print01', undefined],
    ]);
  });

  it('orders a share of all', async () => {
    const { nodes: chosen } = JSON.parse(await run('node', 'move', 'all', '--share', '50%', '--json'));
    expect(chosen).toHaveLength(2);
    expect((await ordered()).map(([node]) => node)).toEqual(chosen);
  });

  /** config.d with a group of two that are approved and one that is not. */
  const createConfig = (): string => {
    const config = join(state, 'config.d');
    mkdirSync(join(config, 'nodes'), { recursive: true });
    writeFileSync(join(config, 'nodes/klipper.conf'), 'group: klipper\nnodes: print[02-03]\n');
    writeFileSync(join(config, 'nodes/print.conf'), 'node: print[01-04]\n');
    writeFileSync(join(config, 'nodes/new.conf'), 'node: new1\ngroups: [klipper]\n');
    writeFileSync(join(config, 'nodes/idle.conf'), 'group: idle\nnodes: new2\n');
    writeFileSync(join(config, 'nodes/new2.conf'), 'node: new2\n');
    return config;
  };

  it('orders the machines of a group, as `node run` does, and tells which of it are not approved', async () => {
    const config = createConfig();
    const text = await run('node', 'move', '--group', 'klipper', '--config', config);
    expect(text).toContain(
      '2 of 4 are asked to go to another server: print[02-03]\nnot approved, and so not asked: new1\n',
    );
    expect((await ordered()).map(([node]) => node)).toEqual(['print02', 'print03']);
    const half = await run('node', 'move', '--group', 'klipper', '--share', '50%', '--config', config, '--json');
    expect(JSON.parse(half)).toMatchObject({ nodes: [expect.stringMatching(/^print0[23]$/)], leftOut: ['new1'] });
  });

  it.each([
    [['--group', 'kliper'], 'group-unknown', 'did you mean klipper?'],
    [['--group', 'idle'], 'node-unknown', 'statectl node pending --all'],
    [['print01', '--group', 'klipper'], 'usage', 'node move --group NAME'],
  ])('refuses %j of a config.d', async (words, code, hint) => {
    await expect(run('node', 'move', ...words, '--config', createConfig())).rejects.toMatchObject({
      code,
      hint: expect.stringContaining(hint),
    });
    expect(await ordered()).toEqual([]);
  });

  it.each([
    [['print09'], 'node-unknown'],
    [['print[1'], 'hostlist-invalid'],
    [[], 'usage'],
    [['--group', 'klipper', '--config', '/nonexistent'], 'config-missing'],
    [['all', '--share', '0%'], 'commander.invalidArgument'],
    [['all', '--to', 'file:///etc'], 'commander.invalidArgument'],
  ])('refuses %j', async (words, code) => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await expect(run('node', 'move', ...words)).rejects.toMatchObject({ code });
    expect(await ordered()).toEqual([]);
  });
});
