import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linuxHost } from '../../../../src/host/linux/host.ts';
import { DrbdHead } from '../../../../src/protocol/state/drbd.ts';
import { LeaseAnswer } from '../../../../src/protocol/state/state.ts';
import { openSecretStore } from '../../../../src/server/machines/secret-store.ts';
import type { VolumeRecord } from '../../../../src/server/state/drbd/volume-record.ts';
import { writeTar } from '../../../../src/signed/plain-tar.ts';
import { BOOT, type PrintHost, type PrintServer, printServer } from '../../../fixtures/state/print-server.ts';
import { CONFIG_ITEM, VOLUME_ITEM } from '../../../fixtures/state/printer-item.ts';

const SECRET = 'ab'.repeat(30);
const VOLUME: VolumeRecord = {
  ...{ node: 'print01', resource: 'voron.database', port: 7901, minor: 101 },
  ...{ addresses: { server: '192.168.7.1', machine: '192.168.7.107' }, backing: { on: 'file' } },
  ...{ fileSystem: '11111111-2222-4333-8444-555555555555', made: { atMs: 0, bytes: 64 << 20 } },
};

/** JSON has none of what is undefined. */
const BEGUN = { made: undefined };

let server: PrintServer;
let machine: PrintHost;

beforeEach(async () => {
  server = await printServer();
  server.give('print01', { voron: { items: [VOLUME_ITEM, CONFIG_ITEM] } });
  machine = await server.machine('print01');
});
afterEach(() => server[Symbol.asyncDispose]());

/** As `statectl node drbd --apply` leaves it. */
async function makeVolume(volume: Partial<VolumeRecord> | typeof BEGUN = {}, secret = SECRET): Promise<void> {
  const folder = join(server.state, 'state/voron/line/database');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'volume.json'), JSON.stringify({ ...VOLUME, ...volume }));
  const store = await openSecretStore(linuxHost(), server.state);
  if (secret !== '') await store.write('drbd.voron.database', Buffer.from(secret));
}
const lease = async (from = machine, boot = BOOT) => LeaseAnswer.parse((await from.lease('voron', boot)).json);
const whyNone = async (from = machine, boot = BOOT) => {
  const { items, why } = await lease(from, boot);
  expect(items.database).toBeNull();
  return why?.database;
};
const statectl = (...words: readonly string[]) =>
  spawnSync(process.execPath, ['src/main.ts', 'printer', ...words, '--state', server.state], { encoding: 'utf8' });

describe('the answer to a lease', () => {
  it('says where the volume is, to the machine that has the lease', async () => {
    await makeVolume();
    const { items, lease: number } = await lease();
    expect(number).toBe(1);
    expect(DrbdHead.parse(items.database)).toEqual({
      ...{ id: 'volume-11111111-2222-4333-8444-555555555555', resource: 'voron.database' },
      ...{ peer: '192.168.7.1:7901', port: 7901, minor: 101, bytes: 64 << 20, secret: SECRET },
    });
    await makeVolume({ addresses: { server: 'fd00::1', machine: 'fd00::7' } });
    expect((await lease()).items.database?.peer).toBe('[fd00::1]:7901');
  });

  it('keeps the secret from whoever is not that machine, and from all files of the state', async () => {
    await makeVolume();
    await lease();
    server.give('print02', { ender: {} });
    const other = await server.machine('print02');
    expect((await other.lease('voron', BOOT)).status).toBe(404);
    const network = await server.machine('print01', 'network');
    expect((await network.lease('voron', BOOT)).json).toMatchObject({ type: 'urn:statectl:problem:state-untrusted' });
    expect(spawnSync('grep', ['-r', SECRET, server.state]).status).toBe(1);
  });

  it('gives a machine of `trust: network` the volume as state.conf says, but none from one that proved itself', async () => {
    await makeVolume();
    server.give('print01', { voron: { trust: 'network', items: [VOLUME_ITEM] } });
    const network = await server.machine('print01', 'network');
    expect((await lease(network)).items.database?.secret).toBe(SECRET);
    await lease(await server.machine('print01'));
    const again = await server.machine('print01', 'network');
    expect(await whyNone(again)).toContain('print01 proved who it is');
  });

  it('says why there is none', async () => {
    expect(await whyNone()).toBe(
      'the server has no volume for it yet; on the server, as root: statectl node drbd print01 --apply',
    );
    await makeVolume(BEGUN);
    expect(await whyNone()).toContain('no volume for it yet');
    await makeVolume({ node: 'print09' });
    expect(await whyNone()).toContain('its volume is for print09');
    await makeVolume({}, 'short');
    expect(await whyNone()).toContain('no good secret drbd.voron.database');
    writeFileSync(join(server.state, 'state/voron/line/database/volume.json'), '{"node":"pri');
    expect(await whyNone()).toContain('no volume for it yet');
    expect(server.alarms.join()).toContain('volume.json is torn');
    // Nor does it keep an admin from all else.
    expect(statectl('list').stdout).toContain('volume.json is torn');
  });
});

describe('what a boot without its volume ships', () => {
  const ARCHIVE = writeTar(
    new Map([
      ['moonraker-sql.db', Buffer.from('db')],
      ['sub/folder/x', Buffer.from('x')],
    ]),
  );

  it('is a branch whatever it began with, also where there is no volume at all', async () => {
    const { lease: number } = await lease();
    const first = await machine.ship('voron', ARCHIVE, { lease: number });
    expect(first.json).toMatchObject({ on: 'branch', why: expect.stringContaining('without its volume'), lacking: [] });
    await makeVolume();
    const base = (await lease()).items.database?.id ?? null;
    const second = await machine.ship('voron', ARCHIVE, { lease: 1, base });
    expect(second.json).toMatchObject({ on: 'branch', branch: first.json.branch });
    // The head of the next boot is the volume as before.
    expect((await lease(machine, 'c0000000-0000-4000-8000-000000000003')).items.database?.id).toBe(base);
  });

  it('is told by branches, exported as files, taken by a person alone, and dropped', async () => {
    await makeVolume();
    await lease();
    const { branch } = (await machine.ship('voron', ARCHIVE, { lease: 1 })).json as { branch: string };
    expect(JSON.parse(statectl('branches', 'voron', '--json').stdout)).toMatchObject([
      { branch, node: 'print01', items: [{ item: 'database', kept: 1, bytes: ARCHIVE.length }] },
    ]);
    expect(statectl('list').stdout).toMatch(/database \(?(?:this kernel has no drbd loaded|it is not up here)/);
    const out = mkdtempSync(join(tmpdir(), 'statectl-out-'));
    try {
      expect(statectl('export', 'voron', '--out', join(out, 'voron')).status).toBe(0);
      const files = join(out, 'voron/branches', branch, 'database/files');
      expect(readFileSync(join(files, 'sub/folder/x'), 'utf8')).toBe('x');
      // Its own disk is not there.
      const told = JSON.parse(readFileSync(join(out, 'voron/line/database/volume.json'), 'utf8'));
      expect(told.fault).toMatch(/^no copy of now: /);
    } finally {
      rmSync(out, { recursive: true });
    }
    const taken = statectl('take', 'voron', branch);
    expect(taken.status).toBe(1);
    expect(taken.stdout).toMatch(
      /database is not on the line: .* switch print01 off, .*drbdadm primary voron\.database && mount \/dev\/drbd101 \/mnt && tar --extract --file \S+\.tar .*drbdadm secondary voron\.database/,
    );
    expect(statectl('drop', 'voron', branch).status).toBe(0);
    expect(JSON.parse(statectl('branches', 'voron', '--json').stdout)).toEqual([]);
  });

  it('is exported as it came where it is no archive of a machine, and leads nowhere else', async () => {
    await makeVolume();
    await lease();
    const evil = writeTar(new Map([['../../outside', Buffer.from('x')]]));
    const { branch } = (await machine.ship('voron', evil, { lease: 1 })).json as { branch: string };
    const out = mkdtempSync(join(tmpdir(), 'statectl-out-'));
    try {
      expect(statectl('export', 'voron', '--out', join(out, 'voron')).status).toBe(0);
      const listed = spawnSync('find', [out, '-type', 'f'], { encoding: 'utf8' }).stdout;
      expect(listed).not.toContain('outside');
      expect(listed).toMatch(new RegExp(`branches/${branch}/database/\\S+\\.tar`));
    } finally {
      rmSync(out, { recursive: true });
    }
  });

  it('of more than 64 MiB, or than the quota, is refused', async () => {
    server.give('print01', { voron: { items: [VOLUME_ITEM], quotaBytes: 1 << 20 } });
    await lease();
    const large = writeTar(new Map([['x', Buffer.alloc(2 << 20)]]));
    expect((await machine.ship('voron', large, { lease: 1 })).json).toMatchObject({
      type: 'urn:statectl:problem:generation-too-large',
    });
  });
});
