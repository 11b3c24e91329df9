import { X509Certificate } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { DEMO } from '../../build/demo.ts';
import type { AgentState } from '../../src/agent/agent-state.ts';
import { program } from '../../src/cli.ts';
import { linuxHost } from '../../src/host/linux/host.ts';
import { openSecretStore } from '../../src/server/machines/secret-store.ts';
import { makeCertificate } from '../fixtures/identity/certificates.ts';
import { machineKeys } from '../fixtures/identity/machine-keys.ts';
import { tlsFront } from '../fixtures/vm/network/tls-front.ts';
import { RestartableServer } from '../fixtures/vm/restartable-server.ts';
import { Watch } from '../fixtures/vm/watch.ts';
import { bootMachine, type Machine } from './lab/machine.ts';

const UUID = '11111111-2222-3333-4444-000000000009';
/** Besides the program itself, which is shared with the file that it came from; with what its certificate needs (docs/design/figures.md). */
const MOST_MEMORY_MIB = 64;
const STATE = '/run/statectl/agent.json';

describe('the agent of a Debian that runs', () => {
  let dir: string;
  let vm: Machine;
  let a: RestartableServer;
  let b: RestartableServer;
  /** With an authority of its own. */
  let stranger: RestartableServer;

  const nodeFile = (motd: string, more: string): string => `match: { uuid: ${UUID} }
set:${more}
  identity: { trust: network, names: [print09.lab.test] }
  etc: { files: { /etc/motd: { text: "${motd}\\n" } } }
`;
  const write = (motd: string, more = '') => writeFile(join(dir, 'config.d/nodes/print09.conf'), nodeFile(motd, more));
  const agentState = async () => JSON.parse(await vm.run(`cat ${STATE}`)) as AgentState;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'statectl-agent-'));
    await cp('config.d', join(dir, 'config.d'), { recursive: true });
    await write('first');
    const watch = new Watch((message) => new Error(`${message}\n${vm?.tail()}`));
    const make = async (name: string) => {
      const state = join(dir, name);
      await cp(inject('images').tiny.state, state, { recursive: true });
      if (name !== 'stranger') await cp(`${DEMO.state}/keys`, `${state}/keys`, { recursive: true });
      return RestartableServer.make(state, join(dir, 'config.d'), watch);
    };
    [a, b, stranger] = [await make('a'), await make('b'), await make('stranger')];
    await a.start();
    vm = await bootMachine({
      uuid: UUID,
      disks: [{ file: `${DEMO.image}/root.squashfs`, temporary: true }],
      cmdline: `root=/dev/vda ip=dhcp statectl.server=${a.url} statectl.set=update.health.stable=5s`,
    });
    await vm.console(/login: /);
  });
  afterAll(async () => {
    await vm?.[Symbol.asyncDispose]();
    await Promise.all([a, b, stranger].map((server) => server?.stop()));
    await rm(dir, { recursive: true });
  });

  test('is a service that gives way to everything else, and tells the server of the boot', async () => {
    expect(await a.report('booted')).toMatchObject({ id: expect.stringMatching(/^boot-/) });
    expect(await a.report('connected')).toMatchObject({ agent: { server: a.url } });
    expect(await vm.run('systemctl is-active statectl-agent')).toBe('active');
    expect(await vm.run('ps -o cls= -p $(systemctl show -P MainPID statectl-agent) | tr -d " "')).toBe('IDL');
    expect(await agentState()).toMatchObject({ connection: { state: 'connected', server: a.url } });
    const kib = await vm.run(
      'awk "/^RssAnon/ { print \\$2 }" /proc/$(systemctl show -P MainPID statectl-agent)/status',
    );
    expect(Number(kib)).toBeLessThan(MOST_MEMORY_MIB * 1024);
  });

  test('counts the start of its system as good once all of it stays so, and leaves that for the next boot', async () => {
    expect((await a.report('health')).agent).toMatchObject({ state: 'started' });
    const { health } = await agentState();
    expect(health?.checks.map(({ name, why }) => `${name}${why ?? ''}`)).toEqual([
      ...['system', 'root', 'persistent', 'server'],
    ]);
    expect(await vm.run('/run/statectl/bin/statectl status --no-changes')).toMatch(/^ *health +PASSED /m);
    expect(
      await vm.run(
        'systemctl is-active boot-complete.target; ls /user-data/persistent/statectl/cycle 2>/dev/null || true',
      ),
    ).toBe('active');
    // As a boot says it to a system that has another beside it.
    const cycle = 'printf \'{"cycle":17,"bootId":"%s"}\' "$(cat /proc/sys/kernel/random/boot_id)"';
    await vm.run(`${cycle} > /run/statectl/cycle.json; systemctl restart statectl-agent`);
    await a.report('connected');
    const left = '/user-data/persistent/statectl/cycle';
    await vm.run(`until test -s ${left}/started.json; do sleep 0.2; done`);
    expect(JSON.parse(await vm.run(`cat ${left}/started.json`))).toMatchObject({
      ...{ cycle: 17, checks: ['system', 'root', 'persistent', 'server'] },
    });
    expect(await vm.run(`stat -c '%a %U' ${left} ${left}/started.json; rm /run/statectl/cycle.json`)).toBe(
      '700 root\n600 root',
    );
  });

  test('changes a file without a reboot when config.d does', async () => {
    expect(await vm.run('cat /etc/motd')).toBe('first');
    await write('second');
    expect(await a.report('bundle')).toMatchObject({ agent: { state: 'applied', applied: ['/etc/motd'] } });
    expect(await vm.run('cat /etc/motd')).toBe('second');
    expect(await vm.run('/run/statectl/bin/statectl status --no-changes')).toContain('applied: 1 path');
  });

  test('gets a secret, an account and another name without a reboot; what is dropped goes again', async () => {
    await (await openSecretStore(linuxHost(), a.state)).write('token', Buffer.from('canary\n'));
    await writeFile(
      join(dir, 'config.d/nodes/print09.conf'),
      `match: { uuid: ${UUID} }
set:
  identity:
    trust: network
    names: [print09.lab.test, other.lab.test]
    secrets: { /etc/app/token: { secret: "secret:token", trust: network, owner: "mia:mia", credential: app } }
  users: { users: { mia: { uid: 1501 } } }
  boot: { modules: { load: [loop] } }
  etc: { hosts: { 192.0.2.9: [files.lab.test] }, files: { /etc/motd: { text: "second\\n" } } }
`,
    );
    expect(await a.report('bundle')).toMatchObject({
      agent: { state: 'applied', applied: ['accounts', '/etc/hosts'], needsReboot: ['boot.modules.load'] },
    });
    expect(await a.report('certificate')).toMatchObject({ agent: { state: 'renewed' } });
    expect(await vm.run('id -u mia; stat -Lc "%a %U" /etc/app/token; cat /etc/app/token /run/credstore/app')).toBe(
      '1501\n600 mia\ncanary\ncanary',
    );
    expect(await vm.run('getent hosts files.lab.test')).toContain('192.0.2.9');
    const { subjectAltName } = new X509Certificate(await vm.run('cat /run/statectl/identity/cert.pem'));
    expect(subjectAltName).toContain('DNS:other.lab.test');
    expect(await vm.run('/run/statectl/bin/statectl status --no-changes')).toContain(
      '! boot.modules.load needs a reboot\n',
    );
    await write('second');
    expect(await a.report('bundle')).toMatchObject({ agent: { applied: ['accounts', '/etc/hosts'], needsReboot: [] } });
    expect(await a.report('certificate')).toMatchObject({ agent: { state: 'renewed' } });
    expect(await vm.run('id mia 2>&1; cat /etc/app/* /run/credstore/* 2>/dev/null | wc -c')).toMatch(
      /no such user\n0$/,
    );
    expect(await vm.run('cat /etc/hosts')).not.toContain('192.0.2.9');
    const told = 'cat /run/statectl/*.json /run/statectl/journal.jsonl; journalctl -b';
    expect(await vm.run(`{ ${told}; } | grep -c "[c]anary" || true`)).toBe('0');
  });

  test('disturbs nothing when the server is away, and tells it afterwards', async () => {
    const served = Date.now();
    await a.stop();
    const queued = 'until grep -q server-lost /run/statectl/queue/*.json 2>/dev/null; do sleep 0.2; done';
    await vm.run(queued);
    expect(await agentState()).toMatchObject({ connection: { state: 'away', server: a.url } });
    expect(await vm.run('systemctl --failed --no-legend; cat /etc/motd')).toBe('second');
    await a.start();
    expect(await a.report('server-lost')).toMatchObject({ agent: { server: a.url } });
    expect(await a.report('connected')).toBeDefined();
    expect((await agentState()).connection.sinceMs).toBeGreaterThan(served - 60_000);
  });

  test('goes to another server when an admin says so, without a restart', async () => {
    const pid = await vm.run('systemctl show -P MainPID statectl-agent');
    // The other server knows the same machines.
    await using known = await machineKeys(a.state);
    await using others = await machineKeys(b.state);
    for (const { node, proof, ...entry } of await known.list('approved'))
      if (node && proof) await others.approve({ ...entry, node, proof });
    await b.start();
    await program().parseAsync(['node', 'move', 'print09', '--to', b.url, '--state', a.state], { from: 'user' });
    expect(await b.report('connected')).toMatchObject({ agent: { server: b.url, why: 'an admin asked for it' } });
    expect(await agentState()).toMatchObject({ connection: { state: 'connected', server: b.url } });
    expect(await vm.run('systemctl show -P MainPID statectl-agent')).toBe(pid);
    await write('third');
    expect(await b.report('bundle')).toMatchObject({ agent: { applied: ['/etc/motd'] } });
  });

  test('that is killed comes again, and nothing of the system notices', async () => {
    await vm.run('systemctl kill -s KILL statectl-agent');
    expect(await b.report('connected')).toBeDefined();
    expect(await vm.run('systemctl --failed --no-legend; cat /etc/motd')).toBe('third');
  });

  const configSet = (...words: string[]) =>
    program().parseAsync(['config', 'set', ...words, '--config', join(dir, 'config.d')], { from: 'user' });

  test('stays with its server, and says so, while one edit names others that are not there or have another authority', async () => {
    const nobody = 'http://10.0.2.2:9';
    await configSet('server.servers', `[${nobody}]`);
    expect((await b.report('server-kept')).agent).toMatchObject({
      server: b.url,
      why: expect.stringContaining(nobody),
    });
    await stranger.start();
    await configSet('server.servers', `[${stranger.url}]`);
    const { agent } = await b.report('server-kept');
    expect(agent.why).toMatch(`no other can be used: ${stranger.url}`);
    expect(agent.why).toContain('SELF_SIGNED_CERT_IN_CHAIN');
    expect(await agentState()).toMatchObject({ connection: { state: 'connected', server: b.url, stays: agent.why } });
    expect(await vm.run('/run/statectl/bin/statectl status --no-changes')).toContain(agent.why);
    await write('fourth');
    expect(await b.report('bundle')).toMatchObject({ agent: { applied: ['/etc/motd'] } });
  });

  test('leaves its server for the one that one edit names instead, after that one spoke, and hears from it when the other is gone', async () => {
    const pid = await vm.run('systemctl show -P MainPID statectl-agent');
    const told = [a, b].map(({ reports }) => reports.length);
    await configSet('server.servers', `[${a.url}]`);
    expect(await a.report('connected')).toMatchObject({
      agent: { server: a.url, why: `config.d does not name ${b.url} any more` },
    });
    await b.stop();
    await write('fifth');
    expect(await a.report('bundle')).toMatchObject({ agent: { applied: ['/etc/motd'] } });
    expect(await vm.run('cat /etc/motd; systemctl --failed --no-legend')).toBe('fifth');
    expect((await agentState()).connection).toEqual({
      ...{ state: 'connected', server: a.url, sinceMs: expect.any(Number) },
      why: `config.d does not name ${b.url} any more`,
    });
    const since = [a, b].flatMap(({ reports }, index) => reports.slice(told[index]));
    expect(since.map(({ agent }) => agent.event)).not.toContain('server-lost');
    expect(await vm.run('systemctl show -P MainPID statectl-agent')).toBe(pid);
  });

  test('follows one edit of config.d to a server behind a proxy that lets in nobody without a certificate', async () => {
    const lab = await makeCertificate({ name: 'lab' });
    const machines = await readFile(`${DEMO.keys}/ca.pem`, 'utf8');
    await using front = await tlsFront({ host: '127.0.0.1', port: a.port }, { issuer: lab, machines });
    const server = `
  server: { servers: !replace ["${front.guestUrl}"], authentication: mtls, authorities: [${JSON.stringify(lab.pem)}] }`;
    await write('sixth', server);
    expect(await a.report('connected')).toMatchObject({
      agent: { server: front.guestUrl, why: `config.d does not name ${a.url} any more` },
    });
    await write('seventh', server);
    expect(await a.report('bundle')).toMatchObject({ agent: { applied: ['/etc/motd'] } });
    expect(await vm.run('cat /etc/motd')).toBe('seventh');
    const paths = front.asked.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['/v1/bundle', '/v1/tls', '/v1/reports']));
    expect(new Set(front.asked.map(({ name }) => name))).toEqual(new Set(['print09']));
  });
});
