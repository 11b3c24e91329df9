import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linuxHost } from '../../../../src/host/linux/host.ts';
import { authority } from '../../../../src/identity/certificates/authority.ts';
import { startServer } from '../../../../src/server/listen.ts';
import { openStore } from '../../../../src/server/store/store.ts';
import { machineKeys } from '../../../fixtures/identity/machine-keys.ts';

const host = { ...linuxHost(), console: { line: () => undefined } };
const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

describe('the state of a server', () => {
  let dir: string;
  let state: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'statectl-state-'));
    state = join(dir, 'state');
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('is for its user alone, whatever the umask, also one that was open before', async () => {
    const before = process.umask(0);
    try {
      await openStore(state, host, 'create');
      expect(await modeOf(state)).toBe('700');
      await chmod(state, 0o755);
      await openStore(state, host, 'create');
      expect(await modeOf(state)).toBe('700');
    } finally {
      process.umask(before);
    }
  });

  it.each(['nobody', 'an earlier version'])(
    'keeps the database of machines to itself, which %s made',
    async (maker) => {
      await mkdir(state);
      const path = join(state, 'nodes.sqlite');
      const before = process.umask(0);
      try {
        if (maker !== 'nobody') await writeFile(path, '', { mode: 0o644 });
        await using enrolments = await machineKeys(state);
        await enrolments.wait({ digest: 'a', claims: {}, remote: '10.0.0.1' });
        for (const suffix of ['', '-wal', '-shm']) expect(await modeOf(path + suffix)).toBe('600');
      } finally {
        process.umask(before);
      }
    },
  );

  const startOver = async (damage: (path: string) => Promise<unknown>) => {
    await authority(host, join(state, 'keys'));
    await damage(join(state, 'nodes.sqlite'));
    const alarms: string[] = [];
    const found = async () => undefined;
    const server = await startServer({
      ...{ state, host, listen: { host: '127.0.0.1', port: 0 }, log: () => {}, graceMs: 0 },
      secure: {
        listen: { host: '127.0.0.1', port: 0 },
        nodes: { ofMachine: found, ofNode: found },
        alarm: (text) => alarms.push(text),
      },
    });
    const ask = async (path: string) => {
      const response = await fetch(server.url + path);
      return { status: response.status, body: (await response.json()) as object };
    };
    return { server, alarms, ask };
  };

  it.each([
    ['is no database', (path: string) => writeFile(path, 'no database at all, '.repeat(100))],
    ['is a folder', (path: string) => mkdir(path)],
    [
      'lost pages in the middle',
      async (path: string) => {
        {
          await using enrolments = await machineKeys(state);
          for (let index = 0; index < 400; index += 1)
            await enrolments.wait({ digest: `d${index}`, claims: {}, remote: `10.0.${index >> 4}.${index}` });
        }
        const { open } = await import('node:fs/promises');
        await using file = await open(path, 'r+');
        await file.write(Buffer.alloc(8_192, 0x55), 0, 8_192, 12_288);
      },
    ],
  ])('whose database of machines %s still gives images, and says what is wrong', async (_, damage) => {
    const { server, alarms, ask } = await startOver(damage);
    try {
      expect(alarms.join()).toMatch(/no machine can enrol.*nodes\.sqlite/);
      expect(server.securePort).toBeUndefined();
      expect(await ask('/v1/status')).toMatchObject({
        status: 200,
        body: { trouble: [expect.stringMatching(/enrol/)] },
      });
      expect(await ask('/v1/boot?arch=x86_64')).toMatchObject({
        status: 404,
        body: { type: 'urn:statectl:problem:no-image' },
      });
      expect((await ask('/v1/tls')).status).toBe(404);
    } finally {
      await server.stop();
    }
  });
});
