import { spawnSync } from 'node:child_process';
import { chownSync, globSync, lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { linuxHost } from '../../../../src/host/linux/host.ts';
import { takeImage } from '../../../../src/server/admin/images.ts';
import { knownHosts } from '../../../../src/server/admin/nodes/known-hosts.ts';
import { setSecret } from '../../../../src/server/admin/secrets.ts';
import { serverState } from '../../../../src/server/admin/server-state.ts';
import { startServer } from '../../../../src/server/listen.ts';
import { approve } from '../../../../src/server/machines/enrolments.ts';
import { makeImageDir } from '../../../fixtures/image/image-dir.ts';

/** An account that is on every Debian: ssh-keygen works for nobody else. */
const THEIRS = 65_534;
const host = { ...linuxHost(), console: { line: () => undefined } };

let folder: string;
let state: string;
beforeEach((context) => {
  if (process.getuid?.() !== 0) context.skip('needs root');
  folder = mkdtempSync(join(tmpdir(), 'statectl-owned-'));
  // Whoever it belongs to has to come there.
  spawnSync('chmod', ['755', folder]);
  state = join(folder, 'state');
  mkdirSync(state);
  chownSync(state, THEIRS, THEIRS);
  return () => rmSync(folder, { recursive: true });
});

/** What in the state belongs to another than whom the state belongs to. */
const strays = (): readonly string[] =>
  ['**', '**/.*']
    .flatMap((pattern) => globSync(pattern, { cwd: state }))
    .filter((path) => lstatSync(join(state, path)).uid !== THEIRS);

it('whatever a verb of root makes in a state of another account belongs to that account', async () => {
  const ours = serverState(state, host);
  const { dir } = await makeImageDir(join(folder, 'image'), { rootBytes: 20 << 20 });
  await takeImage(ours, dir, {});
  await setSecret(ours, 'wifi', Buffer.from('hunter2'));
  await knownHosts(ours, '*');
  await ours.withNodes((nodes) =>
    nodes.transaction((change) =>
      approve(change, { digest: 'a', claims: {}, remote: '10.0.0.1', node: 'print01', proof: 'person' }, 0),
    ),
  );
  const words = ['build', 'keys', '--keys', join(folder, 'keys'), '--state', state];
  expect(spawnSync(process.execPath, ['src/main.ts', ...words], { encoding: 'utf8' })).toMatchObject({ status: 0 });
  expect(globSync('*', { cwd: state }).toSorted()).toEqual(
    expect.arrayContaining(['blobs', 'images', 'keys', 'nodes.sqlite', 'reports', 'secrets']),
  );
  expect(strays()).toEqual([]);
});

it('a state of root in a folder of another account stays root’s, and works', async () => {
  chownSync(state, 0, 0);
  chownSync(folder, THEIRS, THEIRS);
  const words = ['build', 'keys', '--keys', join(folder, 'keys'), '--state', state];
  expect(spawnSync(process.execPath, ['src/main.ts', ...words], { encoding: 'utf8' })).toMatchObject({ status: 0 });
  await setSecret(serverState(state, host), 'wifi', Buffer.from('hunter2'));
  const made = globSync('**', { cwd: state });
  expect(made).toEqual(expect.arrayContaining(['keys/ca.key', 'secrets']));
  expect(made.filter((path) => lstatSync(join(state, path)).uid !== 0)).toEqual([]);
});

it('a server of root leaves nothing in it that the account could not read', async () => {
  const server = await startServer({
    ...{ state, host, listen: { host: '127.0.0.1', port: 0 }, log: () => {}, graceMs: 0 },
  });
  try {
    expect(strays()).toEqual([]);
  } finally {
    await server.stop();
  }
});

it('a folder that is a link out of the state takes nothing of root anywhere', async () => {
  const out = join(folder, 'roots');
  mkdirSync(out, { mode: 0o700 });
  spawnSync('ln', ['-s', out, join(state, 'secrets')]);
  mkdirSync(join(state, 'images'));
  mkdirSync(join(state, 'keys'));
  chownSync(join(state, 'keys'), THEIRS, THEIRS);
  writeFileSync(join(out, 'wifi.age'), 'of root');
  await expect(setSecret(serverState(state, host), 'wifi', Buffer.from('x'))).rejects.toThrow();
  expect(globSync('*', { cwd: out })).toEqual(['wifi.age']);
});
