import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  CONFIG_URL,
  cloneOf,
  fetchConfig,
  repositoryOf,
  runGit,
  savedConfig,
  shipConfig,
} from '../../fixtures/config-host.ts';
import { BOOT, type PrintHost, type PrintServer, printServer } from '../../fixtures/state/print-server.ts';
import { CONFIG_ITEM } from '../../fixtures/state/printer-item.ts';

const NEXT_BOOT = 'b0000000-0000-4000-8000-000000000002';
const ALONE = 'a0000000-0000-4000-8000-000000000003';
const WRITTEN = '[printer]\nkinematics: corexy\n\n[probe]\npin: PA1\nz_offset: 1.5\n\n[fan]\npin: PA2\n';
const SAVED = savedConfig(WRITTEN.replace('z_offset', '#z_offset'), '[probe]\nz_offset = 2.25');

let server: PrintServer;
let machine: PrintHost;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'statectl-clone-'));
  server = await printServer();
  server.give('print01', { voron: { items: [CONFIG_ITEM] } });
  machine = await server.machine('print01');
  await machine.lease('voron', BOOT);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const clone = (name = 'clone') => cloneOf(repositoryOf(server), join(folder, name));
const log = (ref = 'main') => runGit(repositoryOf(server), 'log', '--format=%an: %s', ref).trim().split('\n');
const show = (path: string, ref = 'main') => runGit(repositoryOf(server), 'show', `${ref}:${path}`);
/** The machine's first config, with what it is called. */
async function shipFirst(files: Record<string, string | Buffer> = { 'printer.cfg': WRITTEN }): Promise<string> {
  const { json } = await shipConfig(machine, null, files);
  expect(json).toMatchObject({ on: 'line', conflicts: [] });
  return String(json.id);
}
const lastLease = async () => (await machine.lease('voron', NEXT_BOOT)).json as { items: { config: { id: string } } };

it('what a printer has is committed as it is, and the next boot is given the very same bytes', async () => {
  const binary = Buffer.from([0x5b, 0x78, 0x5d, 0x0a, 0xb0, 0x00, 0xff, 0x0d, 0x0a]);
  const id = await shipFirst({ 'printer.cfg': WRITTEN, '.theme/odd "name" ä.bin': binary });
  const { items } = await lastLease();
  expect(items.config.id).toBe(id);
  const { json } = await machine.ask('GET', CONFIG_URL);
  expect(json).toEqual({
    id,
    since: null,
    skipped: [],
    files: [
      { path: '.theme/odd "name" ä.bin', content: binary.toString('base64') },
      { path: 'printer.cfg', content: Buffer.from(WRITTEN).toString('base64') },
    ],
  });
  expect(log()).toEqual(['voron: printer.cfg added, .theme/odd "name" ä.bin added']);
});

it('a SAVE_CONFIG is a commit of the printer that says what it changed, with the time of the file', async () => {
  const id = await shipFirst();
  const { json } = await shipConfig(machine, id, { 'printer.cfg': SAVED });
  expect(json).toEqual({ on: 'line', id: expect.stringMatching(/^[0-9a-f]{40}$/), head: json.id, conflicts: [] });
  expect(log()[0]).toBe('voron: SAVE_CONFIG: [probe] z_offset 1.5 -> 2.25');
  expect(runGit(repositoryOf(server), 'log', '-1', '--format=%ae %aI', 'main').trim()).toBe(
    'voron@print01 2026-11-30T06:17:06+00:00',
  );
});

it('a person clones, pushes, and the machine is given what changed and no more', async () => {
  const id = await shipFirst({ 'printer.cfg': WRITTEN, 'old.cfg': '[x]\n' });
  const person = clone();
  person.git('rm', '-q', 'old.cfg');
  person.push({ 'macros/a.cfg': '[gcode_macro A]\n' });
  const given = await fetchConfig(machine, id);
  expect(given).toEqual({
    id: person.git('rev-parse', 'HEAD').trim(),
    since: id,
    files: { 'old.cfg': null, 'macros/a.cfg': '[gcode_macro A]\n' },
    skipped: [],
  });
  const head = await machine.ask('GET', `${CONFIG_URL}/head`);
  expect(head.json).toEqual({ id: given.id });
});

it('what a person pushed and what SAVE_CONFIG wrote meanwhile are both in the line', async () => {
  const id = await shipFirst();
  clone().push({ 'printer.cfg': WRITTEN.replace('pin: PA1', 'pin: PB7'), 'new.cfg': '[new]\n' });
  const { json } = await shipConfig(machine, id, { 'printer.cfg': SAVED });
  expect(json).toMatchObject({ on: 'line', conflicts: [] });
  expect(show('printer.cfg')).toBe(SAVED.replace('pin: PA1', 'pin: PB7'));
  // The machine has what it sent, and is given the rest from there.
  expect(json.id).not.toBe(json.head);
  expect((await fetchConfig(machine, String(json.id))).files).toEqual({
    'printer.cfg': show('printer.cfg'),
    'new.cfg': '[new]\n',
  });
});

it('where both changed the same line the printer keeps its own, and the other is kept apart, ready to be merged', async () => {
  const id = await shipFirst();
  clone().push({ 'printer.cfg': WRITTEN.replace('PA2', 'PC2'), 'fine.cfg': '[fine]\n' });
  const mine = WRITTEN.replace('PA2', 'PD2');
  const { json } = await shipConfig(machine, id, { 'printer.cfg': mine });
  expect(json).toMatchObject({ on: 'line', conflicts: ['printer.cfg'] });
  expect([show('printer.cfg'), show('fine.cfg')]).toEqual([mine, '[fine]\n']);
  expect((await fetchConfig(machine, String(json.id))).files).toEqual({ 'fine.cfg': '[fine]\n' });
  expect(server.alarms).toEqual([expect.stringContaining('statectl printer conflicts voron')]);
  const branches = runGit(repositoryOf(server), 'branch', '--format=%(refname:short)').trim().split('\n');
  const conflict = branches.find((name) => name.startsWith('conflict/')) ?? '';
  expect(show('printer.cfg', conflict)).toContain('PC2');
  // A person sees both sides.
  const person = clone('later');
  expect(() => person.git('merge', '-q', `origin/${conflict}`)).toThrow();
  expect(person.git('diff', '--name-only', '--diff-filter=U').trim()).toBe('printer.cfg');
});

it.each<[string, Record<string, string>, Record<string, string | null>, readonly string[]]>([
  ['a file that both added', { 'a.cfg': '[theirs]\n' }, { 'a.cfg': '[mine]\n' }, ['a.cfg']],
  ['the same file that both added', { 'a.cfg': '[same]\n' }, { 'a.cfg': '[same]\n' }, []],
  [
    'a file that the printer removed',
    { 'printer.cfg': `${WRITTEN}# more\n` },
    { 'printer.cfg': null },
    ['printer.cfg'],
  ],
  ['a folder in the place of a file', { 'a/b.cfg': '[theirs]\n' }, { a: '[mine]\n' }, ['a/b.cfg']],
  ['a file in the place of a folder', { a: '[theirs]\n' }, { 'a/b.cfg': '[mine]\n' }, ['a']],
])('%s: the line has what the printer has', async (_title, theirs, mine, conflicts) => {
  const id = await shipFirst();
  clone().push(theirs);
  const { json } = await shipConfig(machine, id, mine);
  expect(json.conflicts).toEqual(conflicts);
  for (const [path, text] of Object.entries(mine))
    if (text === null) expect(() => show(path)).toThrow();
    else expect(show(path)).toBe(text);
});

it('what comes again because its answer was lost is committed once', async () => {
  const id = await shipFirst();
  const again = await shipConfig(machine, null, { 'printer.cfg': WRITTEN });
  expect(again.json.id).toBe(id);
  clone().push({ 'other.cfg': '[other]\n' });
  const first = await shipConfig(machine, id, { 'printer.cfg': SAVED });
  const second = await shipConfig(machine, id, { 'printer.cfg': SAVED });
  expect([second.json.id, second.json.conflicts]).toEqual([first.json.id, []]);
  expect(log()).toHaveLength(4);
});

it('a boot that no server gave a lease is a branch: the line is as it was, and what it lacks is named', async () => {
  const id = await shipFirst();
  const alone = await shipConfig(machine, null, { 'printer.cfg': '[alone]\n' }, { lease: 0, boot: ALONE });
  expect(alone.json).toMatchObject({ on: 'branch', why: expect.stringContaining('no server gave') });
  const more = await shipConfig(machine, String(alone.json.id), { 'b.cfg': '[b]\n' }, { lease: 0, boot: ALONE });
  expect(more.json.branch).toBe(alone.json.branch);
  expect((await lastLease()).items.config.id).toBe(id);
  expect(log(`machine/${alone.json.branch}`)).toEqual(['voron: b.cfg added', 'voron: printer.cfg added']);
});

it('links, submodules, files that are too large and names that no folder has are given to no machine, and are told', async () => {
  const id = await shipFirst();
  const person = clone();
  execFileSync('ln', ['-s', '/etc/shadow', join(person.folder, 'link.cfg')]);
  person.push({ 'large.cfg': 'x'.repeat((1 << 20) + 1), 'a\nb.cfg': '[x]\n', 'good.cfg': '[good]\n' });
  person.git('update-index', '--add', '--cacheinfo', `160000,${id},sub`);
  person.git('commit', '-qm', 'A submodule');
  person.git('push', '-q', 'origin', 'HEAD:main');
  const given = await fetchConfig(machine, id);
  expect(given.files).toEqual({ 'good.cfg': '[good]\n' });
  expect(Object.fromEntries(given.skipped.map(({ path, why }) => [path, why]))).toEqual({
    'link.cfg': 'it is a link',
    'large.cfg': expect.stringContaining('more than'),
    'a\nb.cfg': expect.stringContaining('cannot be shown'),
    sub: 'it is a submodule',
  });
});

it.each<[string, Record<string, string>, number]>([
  ['a path with ..', { '../evil.cfg': '[x]\n' }, 400],
  ['an absolute path', { '/etc/cron.d/evil': '[x]\n' }, 400],
  ['a newline in a name', { 'a\nM 100644 inline b': '[x]\n' }, 400],
  ['a hook', { '.git/hooks/post-receive': '#!/bin/sh\n' }, 400],
  ['a name of 256 bytes', { ['x'.repeat(256)]: '[x]\n' }, 400],
  ['a printer.cfg of 10 MB', { 'printer.cfg': `[printer]\n${'# x\n'.repeat(2_500_000)}` }, 413],
  [
    'all of it larger than a config',
    Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`${at}`, 'x'.repeat(1 << 20)])),
    413,
  ],
])('%s is refused, and nothing is written', async (_title, files, status) => {
  await shipFirst();
  const answer = await shipConfig(machine, null, files);
  expect(answer.status).toBe(status);
  expect(log()).toHaveLength(1);
});

it.each(['x'.repeat(255), 'ä"quoted".cfg', 'mit Leerzeichen/$(id).cfg'])(
  'a name such as %j comes back',
  async (path) => {
    await shipFirst({ 'printer.cfg': WRITTEN, [path]: '[odd]\n' });
    expect((await fetchConfig(machine)).files).toMatchObject({ [path]: '[odd]\n' });
  },
);

it('a repository whose config names programs, whose hooks are there, or whose parts are links runs nothing', async () => {
  const id = await shipFirst();
  const repository = repositoryOf(server);
  const ran = join(folder, 'ran');
  execFileSync(
    'sh',
    [
      '-c',
      `printf '#!/bin/sh\\ntouch ${ran}\\n' > hooks/reference-transaction; cp hooks/reference-transaction hooks/post-receive; chmod +x hooks/*
    git config core.fsmonitor 'touch ${ran}'; git config core.hooksPath hooks; git config protocol.ext.allow always
    git config extensions.partialClone x; git config remote.x.promisor true; git config remote.x.url 'ext::touch ${ran}'`,
    ],
    { cwd: repository },
  );
  expect((await shipConfig(machine, id, { 'a.cfg': '[a]\n' })).json).toMatchObject({ on: 'line' });
  await fetchConfig(machine);
  expect(readdirSync(folder)).toEqual([]);
  execFileSync('sh', ['-c', 'mv refs/heads/main x; ln -s ../../x refs/heads/main'], { cwd: repository });
  const refused = await shipConfig(machine, id, { 'b.cfg': '[b]\n' });
  expect(refused.status).toBe(500);
  expect((await lastLease()).items.config).toEqual({ id: 'unreadable' });
});

it('what printers share lies below common/ for each of them; a printer that changes one of its files has its own', async () => {
  const id = await shipFirst();
  const common = repositoryOf(server, 'common');
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', common]);
  const person = cloneOf(common, join(folder, 'common'));
  execFileSync(
    'sh',
    [
      '-c',
      'echo "[shared]" > fan.cfg; git add .; git -c user.name=Ada -c user.email=a@b commit -qm Shared; git push -q origin HEAD:main',
    ],
    { cwd: person.folder, stdio: 'ignore' },
  );
  const given = await fetchConfig(machine, id);
  expect(given.files).toEqual({ 'common/fan.cfg': '[shared]\n' });
  const { json } = await shipConfig(machine, given.id, { 'common/fan.cfg': '[own]\n' });
  expect(json).toMatchObject({ on: 'line', conflicts: [], id: json.head });
  expect(show('common/fan.cfg')).toBe('[own]\n');
  person.push({ 'fan.cfg': '[shared]\n# newer\n', 'led.cfg': '[led]\n' });
  expect((await fetchConfig(machine, String(json.id))).files).toEqual({ 'common/led.cfg': '[led]\n' });
});

it('nobody pushes in the way of the branches that are made here, and what was pushed before is told', async () => {
  const id = await shipFirst();
  const person = clone();
  for (const ref of ['refs/heads/machine', 'refs/heads/machine/x', 'refs/heads/conflict', 'refs/heads/conflict/x'])
    expect(() => person.git('push', '-q', 'origin', `HEAD:${ref}`)).toThrow('deny updating a hidden ref');
  // As of a repository that was made otherwise.
  const repository = repositoryOf(server);
  runGit(repository, 'branch', 'machine', 'main');
  const alone = { lease: 0, boot: ALONE };
  const refused = await shipConfig(machine, id, { 'printer.cfg': '[other]\n' }, alone);
  expect(refused.json).toMatchObject({
    type: expect.stringContaining('state-damaged'),
    detail: expect.stringMatching(/refs\/heads\/machine is in the way of refs\/heads\/machine\/.*somebody pushed it/),
  });
  runGit(repository, 'branch', '-m', 'machine', 'another');
  expect((await shipConfig(machine, id, { 'printer.cfg': '[other]\n' }, alone)).json).toMatchObject({ on: 'branch' });
});

it('a branch below main that came first is told, and out of the way once it has another name', async () => {
  const folderOf = join(folder, 'first');
  runGit('/', 'clone', '-q', repositoryOf(server), folderOf);
  runGit(folderOf, 'commit', '-q', '--allow-empty', '-m', 'First');
  runGit(folderOf, 'push', '-q', 'origin', 'HEAD:refs/heads/main/first');
  expect((await shipConfig(machine, null, { 'printer.cfg': WRITTEN })).json).toMatchObject({
    detail: expect.stringContaining('refs/heads/main/first is in the way of refs/heads/main'),
  });
  runGit(repositoryOf(server), 'branch', '-m', 'main/first', 'first');
  expect((await shipConfig(machine, null, { 'printer.cfg': WRITTEN })).json).toMatchObject({ on: 'line' });
});

it('a commit of more files than anybody could list is told at once, and the line can be put right', async () => {
  await shipFirst();
  const { folder: at, git } = clone();
  const made = (verb: string, input: string): string =>
    execFileSync('git', [verb, ...(verb === 'mktree' ? [] : ['-w', '--stdin'])], {
      cwd: at,
      input,
      encoding: 'utf8',
    }).trim();
  let tree = made('mktree', `100644 blob ${made('hash-object', 'x')}\tfile\n`);
  for (let depth = 0; depth < 9; depth += 1)
    tree = made('mktree', Array.from({ length: 10 }, (_, count) => `040000 tree ${tree}\t${count}\n`).join(''));
  const commit = git('commit-tree', tree, '-p', 'HEAD', '-m', 'Billions').trim();
  git('push', '-q', 'origin', `${commit}:refs/heads/main`);
  const before = performance.now();
  expect((await machine.ask('GET', CONFIG_URL)).json).toMatchObject({
    type: expect.stringContaining('state-damaged'),
    detail: expect.stringContaining('more files than anybody could list'),
  });
  expect(performance.now() - before).toBeLessThan(20_000);
  const back = git('commit-tree', 'HEAD^{tree}', '-p', commit, '-m', 'Back').trim();
  git('push', '-q', 'origin', `${back}:refs/heads/main`);
  expect((await fetchConfig(machine)).files).toEqual({ 'printer.cfg': WRITTEN });
});

it("what says how git works there is not the group's, what people push is", async () => {
  await shipFirst();
  const repository = repositoryOf(server);
  const modeOf = (part: string) => (statSync(join(repository, part)).mode & 0o7777).toString(8);
  expect(
    Object.fromEntries(['.', 'hooks', 'config', 'HEAD', 'info', 'objects/info'].map((part) => [part, modeOf(part)])),
  ).toEqual({
    ...{ '.': '2750', hooks: '750', config: '640', HEAD: '640', info: '750', 'objects/info': '2750' },
  });
  expect(Object.fromEntries(['objects', 'refs', 'refs/heads'].map((part) => [part, modeOf(part)]))).toEqual({
    ...{ objects: '3770', refs: '3770', 'refs/heads': '2770' },
  });
  expect(readdirSync(join(repository, 'hooks'))).toEqual([]);
});

const isRoot = process.getuid?.() === 0;
/** sshd starts git-shell with the command of the client, as an account that is in the group of the repositories. */
it.runIf(isRoot)(
  'people of the group fetch and push through git-shell; they change nothing of how git works there',
  async () => {
    const [OWNER, PERSON] = [61_234, 61_235];
    execFileSync(
      'sh',
      [
        '-c',
        `mv git ${folder}/srv && ln -s ${folder}/srv git && chown -hR ${OWNER}:${OWNER} ${folder}/srv && chmod 711 ${folder}`,
      ],
      {
        cwd: server.state,
      },
    );
    await machine.lease('voron', NEXT_BOOT);
    const standing = { lease: 2, boot: NEXT_BOOT };
    const { json } = await shipConfig(machine, null, { 'printer.cfg': WRITTEN }, standing);
    expect(json).toMatchObject({ on: 'line' });
    const repository = join(folder, 'srv/voron/config.git');
    expect(statSync(server.state).mode & 0o777).toBe(0o700);
    expect(statSync(join(repository, 'refs/heads/main'))).toMatchObject({ uid: OWNER, gid: OWNER });
    writeFileSync(join(folder, 'gitconfig'), '[safe]\n\tdirectory = *\n');
    const as = `setpriv --reuid ${PERSON} --regid ${PERSON} --groups ${OWNER} env GIT_CONFIG_SYSTEM=${folder}/gitconfig`;
    writeFileSync(
      join(folder, 'ssh'),
      `#!/bin/sh\nfor last; do :; done\numask 022; exec ${as} git-shell -c "$last"\n`,
      { mode: 0o755 },
    );
    const words = ['-c', `core.sshCommand=${join(folder, 'ssh')}`, '-c', 'ssh.variant=simple'];
    const person = join(folder, 'person');
    runGit('/', ...words, 'clone', '-q', `ada@server:${repository}`, person);
    for (const [at, text] of ['[one]\n', '[two]\n'].entries()) {
      writeFileSync(join(person, 'ada.cfg'), text);
      runGit(person, 'add', '-A');
      runGit(person, 'commit', '-qm', `Ada ${at}`);
      runGit(person, ...words, 'push', '-q', 'origin', 'HEAD:main');
      // And the printer goes on from there.
      const now = await fetchConfig(machine, String(json.id));
      expect(now.files).toMatchObject({ 'ada.cfg': text });
      const own = await shipConfig(machine, now.id, { 'own.cfg': `[own]\n# ${at}\n` }, standing);
      expect(own.json).toMatchObject({ on: 'line', conflicts: [] });
      runGit(person, ...words, 'pull', '-q', '--rebase', 'origin', 'main');
    }
    runGit(person, ...words, 'push', '-q', 'origin', 'HEAD:refs/heads/idea');
    const tries = [
      'touch hooks/post-receive',
      'echo > config',
      'echo > HEAD',
      'mv hooks x',
      'touch info/attributes',
      'mv objects/info x',
      'mkdir worktrees',
    ];
    for (const one of tries)
      expect(
        () => execFileSync('sh', ['-c', `${as} sh -c '${one}'`], { cwd: repository, stdio: 'ignore' }),
        one,
      ).toThrow();
    expect(() => runGit(person, ...words, 'push', '-q', '--force', 'origin', `${json.id}:main`)).toThrow(
      /non-fast-forward/,
    );
    for (const branch of ['idea', 'main'])
      expect(() => runGit(person, ...words, 'push', '-q', 'origin', `:${branch}`)).toThrow(/deletion prohibited/);
    expect(runGit(person, 'log', '--format=%s', 'origin/main').trim().split('\n')).toHaveLength(5);
  },
);
