import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { renew } from '../../../../src/agent/identity/renew.ts';
import { dueAtMs, retryAtMs } from '../../../../src/agent/identity/renewal-time.ts';
import { identityFiles } from '../../../../src/identity/machine/identity-files.ts';
import { IDENTITY } from '../../../../src/machine/identity/identity.ts';
import {
  createIdentity,
  IDENTITY_HOME,
  type IdentityServer,
  identityServer,
  type RenewingMachine,
  TOKEN,
} from '../../../fixtures/identity/identity-server.ts';
import { runningMachine } from '../../../fixtures/running-machine.ts';

const DAY = 86_400_000;
const MINUTE = 60_000;

let server: IdentityServer;
beforeAll(async () => {
  server = await identityServer();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  await server.store.write('token', Buffer.from('canary'));
  server.give(createIdentity());
  await server.decide('forgotten');
});

const state = async ({ read }: RenewingMachine) => JSON.parse(await read(`${IDENTITY}/state.json`));
const reloads = ({ machine }: RenewingMachine) => machine.commands.filter((line) => line.startsWith('systemctl'));

describe('a certificate', () => {
  it('is renewed when a third of its life is gone, and those that config.d names are told', async () => {
    const it = await server.approvedMachine();
    const [first, hostFirst] = [
      await it.read(`${IDENTITY}/cert.pem`),
      await it.read(`${IDENTITY_HOME}/ssh_host_key-cert.pub`),
    ];
    const bootedAt = Date.now();
    for (const days of [0, 5, 9.9]) {
      it.setClock(bootedAt + days * DAY);
      const { state: found, nextAtMs } = await it.renew();
      expect(found).toBe('current');
      expect(nextAtMs - bootedAt - days * DAY).toBeLessThan(13 * MINUTE);
    }
    expect([await it.read(`${IDENTITY}/cert.pem`), reloads(it)]).toEqual([first, []]);
    it.setClock(bootedAt + 10.1 * DAY);
    expect(await it.renew()).toMatchObject({ state: 'renewed' });
    const renewed = await it.read(`${IDENTITY}/cert.pem`);
    expect(renewed).not.toBe(first);
    // The key stays, so at no moment the two do not belong together.
    expect(new X509Certificate(renewed).publicKey.equals(new X509Certificate(first).publicKey)).toBe(true);
    expect(await it.read(identityFiles(IDENTITY_HOME).certificate)).toBe(renewed);
    expect(await it.read('/run/statectl/ssh/ssh_host_key-cert.pub')).not.toBe(hostFirst);
    expect(reloads(it)).toEqual(['systemctl try-reload-or-restart ssh.service', 'systemctl try-reload-or-restart app']);
    expect((await state(it)).certificateUntilMs).toBe(new X509Certificate(renewed).validToDate.getTime());
  });

  it('is there at once while something must not be disturbed, and services are told of it afterwards', async () => {
    const it = await server.approvedMachine();
    it.setClock(Date.now() + 10.5 * DAY);
    await it.renew();
    it.setClock(Date.now());
    const before = reloads(it).length;
    const lock = '/run/statectl/locks/print-voron';
    const says = { holder: 'klipper', what: 'prints', since: '2026-01-01', until: '2999-01-01' };
    await it.host.files.mkdir('/run/statectl/locks');
    await it.host.files.write(lock, JSON.stringify(says));
    await it.configure({ ...createIdentity(), names: ['print01.lab'] });
    const first = await it.read(`${IDENTITY}/cert.pem`);
    // Files of a machine of values are of another day.
    const { files } = it.host;
    const stat: typeof files.stat = async (path) => {
      const found = await files.stat(path);
      return found && { ...found, mtimeMs: Date.now() };
    };
    const host = { ...it.host, files: { ...files, stat } };
    const untold = 'app will read the new certificate when no lock stands (statectl lock list)';
    expect(await it.renew(undefined, host)).toMatchObject({ state: 'renewed', reason: untold });
    expect(await it.read(`${IDENTITY}/cert.pem`)).not.toBe(first);
    expect(reloads(it).slice(before)).toEqual(['systemctl try-reload-or-restart ssh.service']);
    expect(await it.renew(undefined, host)).toMatchObject({ state: 'current', reason: untold });
    await it.host.files.remove(lock);
    expect((await it.renew(undefined, host)).reason).toBeUndefined();
    expect(reloads(it).slice(before + 1)).toEqual(['systemctl try-reload-or-restart app']);
    await it.renew(undefined, host);
    expect(reloads(it)).toHaveLength(before + 2);
  });

  it('is not judged by a clock that is before it, nor asked for in a hurry by one that is years ahead', async () => {
    const it = await server.approvedMachine();
    it.setClock(0);
    const early = await it.renew();
    expect(early).toMatchObject({ state: 'current', reason: expect.stringContaining('the clock says 1970-01-01') });
    expect(early.nextAtMs).toBeGreaterThan(5 * MINUTE);
    const ahead = Date.now() + 4000 * DAY;
    it.setClock(ahead);
    const late = await it.renew();
    expect(late).toMatchObject({ state: 'renewed', reason: expect.stringContaining('one of them is wrong') });
    expect(late.nextAtMs - ahead).toBeGreaterThanOrEqual(10 * MINUTE);
  });

  it('is asked for again later when no server answers, sooner and sooner', async () => {
    const it = await server.approvedMachine();
    const waits: number[] = [];
    const end = Date.now() + 30 * DAY;
    for (const leftDays of [19, 5, 1, 0.1, 0, -1]) {
      it.setClock(end - leftDays * DAY);
      const { state: found, nextAtMs, reason } = await it.renew(['http://127.0.0.1:9']);
      expect({ found, reason }).toEqual({ found: 'unreachable', reason: expect.stringContaining('127.0.0.1:9') });
      waits.push(nextAtMs - (end - leftDays * DAY));
    }
    expect(waits[0]).toBeLessThanOrEqual(7.5 * 60 * MINUTE);
    expect(waits.every((ms, at) => at === 0 || ms <= (waits[at - 1] ?? 0) * 1.25)).toBe(true);
    expect(waits.every((ms) => ms >= MINUTE)).toBe(true);
    expect(await it.read(`${IDENTITY}/secrets/0`)).toBe('canary');
  });
});

describe('secrets', () => {
  it('come anew with the certificate: what changed is replaced, what is gone goes', async () => {
    const it = await server.approvedMachine();
    await it.host.files.symlink(`${IDENTITY}/secrets/0`, '/etc/gone');
    await it.host.files.mkdir('/run/credstore');
    server.give(createIdentity({ ...TOKEN, '/etc/other': { secret: 'secret:other' } }));
    await server.store.write('token', Buffer.from('second canary'));
    await server.store.write('other', Buffer.from('third canary'));
    it.setClock(Date.now() + 11 * DAY);
    expect(await it.renew()).toMatchObject({ state: 'renewed' });
    expect(await it.read('/etc/app/token')).toBe('second canary');
    expect(await it.read('/run/credstore/app')).toBe('second canary');
    expect(await it.read('/etc/other')).toBe('third canary');
    expect((await it.host.files.stat(`${IDENTITY}/secrets/0`))?.mode).toBe(0o600);
    expect(it.machine.commands).toContain(`chown 70:71 ${IDENTITY}/secrets/0.statectl-new`);
    server.give(createIdentity({ '/etc/other': { secret: 'secret:other' } }));
    it.setClock(Date.now() + 22 * DAY);
    await it.renew();
    await it.configure(createIdentity({ '/etc/other': { secret: 'secret:other' } }));
    await it.renew();
    expect([await it.read('/etc/app/token'), await it.read('/run/credstore/app')]).toEqual(['ENOENT', 'ENOENT']);
    expect(await it.read(`${IDENTITY}/secrets/0`)).toBe('ENOENT');
    expect(await it.read('/etc/other')).toBe('third canary');
    expect(JSON.stringify([await state(it), it.machine.lines, it.machine.commands])).not.toContain('canary');
  });

  it('that are dropped go together with the account that they were for', async () => {
    const it = await server.approvedMachine();
    it.setClock(Date.now() + 10.5 * DAY);
    await it.renew();
    expect(await it.read('/etc/app/token')).toBe('canary');
    await it.host.files.write('/etc/passwd', 'root:x:0:0::/root:/bin/sh\n');
    server.give(createIdentity({}));
    await it.configure({ ...createIdentity({}), names: ['print01.lab'] });
    expect(await it.renew()).toMatchObject({ state: 'renewed' });
    expect((await it.host.files.stat('/etc/app/token'))?.type).toBeUndefined();
    expect((await state(it)).secrets).toEqual([]);
  });

  it('that config.d gives since are fetched at once, not in days', async () => {
    const it = await server.approvedMachine();
    await server.store.write('other', Buffer.from('new'));
    server.give(createIdentity({ ...TOKEN, '/etc/other': { secret: 'secret:other' } }));
    it.setClock(Date.now() + 10.5 * DAY);
    await it.renew();
    it.setClock(Date.now());
    expect(await it.renew()).toMatchObject({ state: 'current' });
    await it.configure({ ...createIdentity(), names: ['print01.lab'] });
    expect(await it.renew()).toMatchObject({ state: 'renewed' });
    expect(await it.renew()).toMatchObject({ state: 'current' });
  });
});

describe('a machine', () => {
  it('that has no certificate and needs none has none that is current', async () => {
    const { host } = await runningMachine({ bundle: 'none' });
    expect(await renew(host, [], new AbortController().signal)).toMatchObject({
      state: 'none',
      reason: 'config.d gives it nothing to prove itself for',
    });
  });

  it('that is revoked goes on with what it has, says so once, keeps asking, and nothing is left for its next boot', async () => {
    const it = await server.approvedMachine();
    await server.decide('revoked');
    const nowMs = Date.now() + 11 * DAY;
    it.setClock(nowMs);
    for (let time = 0; time < 3; time += 1) {
      const { state: found, nextAtMs, reason } = await it.renew();
      expect({ found, reason }).toEqual({ found: 'refused', reason: expect.stringContaining('denied or revoked') });
      expect(nextAtMs - nowMs).toBeGreaterThanOrEqual(15 * MINUTE);
    }
    expect(it.machine.lines.filter(({ text }) => text.includes('denied or revoked'))).toHaveLength(1);
    expect(await it.read(`${IDENTITY}/secrets/0`)).toBe('canary');
    expect(await it.read(`${IDENTITY}/cert.pem`)).toContain('BEGIN CERTIFICATE');
    for (const path of [identityFiles(IDENTITY_HOME).certificate, identityFiles(IDENTITY_HOME).secrets])
      expect(await it.read(path)).toBe('ENOENT');
    expect((await state(it)).state).toBe('denied');
  });

  it('that waited when it was booted gets its certificate and secrets as soon as it is approved, without a reboot', async () => {
    const it = await server.machine();
    await it.boot();
    const { state: found, nextAtMs, reason } = await it.renew();
    expect({ found, reason }).toEqual({ found: 'refused', reason: expect.stringContaining('statectl node approve') });
    expect(nextAtMs - Date.now()).toBeLessThan(2 * MINUTE);
    await server.decide('approved');
    expect(await it.renew()).toMatchObject({ state: 'renewed' });
    expect(await it.read('/etc/app/token')).toBe('canary');
    expect((await it.host.files.stat(`${IDENTITY}/key.pem`))?.mode).toBe(0o600);
    expect(await it.renew()).toMatchObject({ state: 'current' });
  });
});

describe('the time of a renewal', () => {
  it('is after a third of the lifetime', () => {
    expect(dueAtMs(100 * DAY, 30 * DAY)).toBe(80 * DAY);
  });

  it('is drawn from a span, so that machines that lost their server together do not come back together', () => {
    const waits = [0, 0.5, 0.99].map((number) => retryAtMs(0, 16 * 3_600_000, () => number));
    expect(new Set(waits).size).toBe(3);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1.25 * Math.min(...waits));
  });
});
