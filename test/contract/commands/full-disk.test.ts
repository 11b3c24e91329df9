import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli } from '../../../src/cli.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { openStore } from '../../../src/server/store/store.ts';
import { machineKeys } from '../../fixtures/identity/machine-keys.ts';
import { makeImageDir } from '../../fixtures/image/image-dir.ts';

/** What each verb is asked to write to the disk below DISK; none of it can be. */
const VERBS = [
  'image add OUT/new --state DISK/state',
  'image use lab@20261120.1 --state DISK/state',
  'secret set token --state DISK/state',
  'node move all --state DISK/state --config DISK/config.d',
  'node add print99 --config DISK/config.d',
  'config set server.tries 9 --config DISK/config.d',
  'config edit system/boot.conf --config DISK/config.d',
  'config log --config DISK/edited.d',
  'build keys --keys DISK/keys',
  'image remove lab@20261120.1 --state DISK/state',
];
/** Takes no room on a disk that is full. */
const NEEDS_NO_ROOM = ['image remove'];

interface Outcome {
  readonly status: number;
  readonly message?: string;
  readonly hint?: string;
}

/** What the verbs say on a tmpfs that only they see, once it is full or read-only. */
function outcomes(how: 'full' | 'read-only'): ReadonlyMap<string, Outcome> {
  const spoil = how === 'full' ? 'cat /dev/zero > "$1/fill" 2>/dev/null' : 'mount -o remount,ro "$1"';
  const script = `mount -t tmpfs -o size=4m tmpfs "$1" && cp -a "$2/." "$1" && { ${spoil}; true; } && exec "$3" "$4" "$5"`;
  const child = join(import.meta.dirname, 'each-verb.ts');
  const lines = VERBS.map((line) => line.replaceAll('DISK', disk).replaceAll('OUT', out));
  const shell = ['sh', '-c', script, 'sh', disk, join(out, 'disk'), process.execPath, child, lines.join('\n')];
  const said = execFileSync('unshare', ['--mount', '--propagation', 'private', ...shell], {
    input: 'secret',
    encoding: 'utf8',
    env: { ...process.env, VISUAL: '', EDITOR: 'sed -i 1i#typed' },
  });
  const each = said.trim().split('\n');
  return new Map(VERBS.map((line, at) => [line, JSON.parse(each[at] as string) as Outcome]));
}

let out: string;
let disk: string;
beforeAll(async () => {
  out = mkdtempSync(join(tmpdir(), 'statectl-full-'));
  disk = join(out, 'mounted');
  const made = join(out, 'disk');
  for (const folder of [disk, made]) mkdirSync(folder);
  for (const name of ['config.d', 'edited.d']) cpSync('config.d', join(made, name), { recursive: true });
  const quiet = (...words: string[]) =>
    execFileSync(process.execPath, ['src/main.ts', ...words], { stdio: 'pipe', encoding: 'utf8' });
  quiet('config', 'log', '--config', join(made, 'config.d'));
  quiet('config', 'log', '--config', join(made, 'edited.d'));
  writeFileSync(join(made, 'edited.d/system/boot.conf'), 'image: klipper\n');
  await makeImageDir(join(out, 'old'));
  await makeImageDir(join(out, 'new'), { version: '20261121.1', rootBytes: 2_000_000 });
  quiet('image', 'add', join(out, 'old'), '--state', join(made, 'state'));
  await using enrolments = await machineKeys(join(made, 'state'));
  const claims = { arch: 'x86_64', macs: [], labels: [] } as never;
  await enrolments.approve({ digest: 'd', node: 'print01', proof: 'person', claims, remote: '192.0.2.1' });
}, 120_000);
afterAll(() => rmSync(out, { recursive: true }));

describe.skipIf(process.getuid?.() !== 0).each(['full', 'read-only'] as const)('on a disk that is %s', (how) => {
  let said: ReturnType<typeof outcomes>;
  beforeAll(() => {
    said = outcomes(how);
  }, 120_000);

  it.each(VERBS)('%s says in a sentence which file, why, and what to do', (verb) => {
    if (how === 'full' && NEEDS_NO_ROOM.some((words) => verb.startsWith(words))) return;
    expect(said.get(verb)).toEqual({
      line: expect.any(String),
      status: 1,
      message: expect.stringMatching(new RegExp(`^(?!.*\\n +at ).*${disk}.*`, 's')),
      hint: expect.stringMatching(how === 'full' ? /room|rejected~|statectl-edit/ : /writable|another|owner/),
    });
    expect(said.get(verb)?.message).toMatch(/space|full|read-only/i);
  });

  it('loses nothing that a person typed into an editor', () => {
    const { message = '' } = said.get(VERBS.find((verb) => verb.startsWith('config edit')) ?? '') ?? {};
    const [, kept] = /^your text is in (.*)$/m.exec(message) ?? [];
    // Where nothing can be written, no editor is opened.
    if (how === 'read-only') return expect(kept).toBeUndefined();
    expect(readFileSync(kept ?? '', 'utf8')).toMatch(/^#typed\n/);
    rmSync(dirname(kept ?? ''), { recursive: true });
  });
});

describe('a database of machines', () => {
  const state = () => join(out, 'disk/state');
  const move = () => cli(['node', 'move', 'all', '--state', state()]);

  it('that another process holds is told so, and what to do', async () => {
    using other = new DatabaseSync(join(state(), 'nodes.sqlite'));
    other.exec('BEGIN IMMEDIATE');
    await expect(move()).rejects.toMatchObject({
      code: 'enrolments-unusable',
      message: `${state()}/nodes.sqlite: another process holds it`,
      hint: expect.stringContaining('again'),
    });
  }, 30_000);

  it('that is none is told so', async () => {
    const { root } = await openStore(join(out, 'none'), linuxHost(), 'create');
    writeFileSync(join(root, 'nodes.sqlite'), 'x'.repeat(8192));
    await expect(cli(['node', 'move', 'all', '--state', root])).rejects.toMatchObject({
      code: 'enrolments-unusable',
      message: expect.stringContaining(`${root}/nodes.sqlite: it is no database`),
    });
  });
});
