import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changeOf, type MirrorMachine, MTIME, mirrorMachine } from '../../fixtures/state/mirror-machine.ts';
import { sha256 } from '../../fixtures/state/moonraker-database.ts';
import { type Answer, BOOT, type PrintHost, type PrintServer, printServer } from '../../fixtures/state/print-server.ts';
import { GCODE_ITEM } from '../../fixtures/state/printer-item.ts';

const NEXT_BOOT = 'b0000000-0000-4000-8000-000000000002';
const shaOf = (text: string): string => sha256(Buffer.from(text));

let server: PrintServer;
beforeEach(async () => {
  server = await printServer();
  server.give('print01', { voron: { items: [GCODE_ITEM] } });
});
afterEach(() => server[Symbol.asyncDispose]());

const at = (...parts: string[]): string => join(server.state, 'state', 'voron', ...parts);
const contentsOf = (): readonly string[] =>
  existsSync(at('line/gcodes/files')) ? readdirSync(at('line/gcodes/files')).toSorted() : [];
const codeOf = ({ json }: Answer): string => String(json.type).replace('urn:statectl:problem:', '');

/** A boot that has the lease, and one of the same machine that has none. */
async function twoBoots(): Promise<{ line: MirrorMachine; branch: MirrorMachine; machine: PrintHost }> {
  const machine = await server.machine('print01');
  await machine.lease('voron', BOOT);
  return {
    machine,
    line: mirrorMachine(machine, { lease: 1 }),
    branch: mirrorMachine(machine, { boot: NEXT_BOOT }),
  };
}
const leased = async (): Promise<MirrorMachine> => (await twoBoots()).line;
async function listed(machine: MirrorMachine): Promise<Record<string, string>> {
  const { json } = await machine.list();
  const files = json.files as { path: string; sha256: string }[];
  return Object.fromEntries(files.map(({ path, sha256: sha }) => [path, sha]));
}

it('what a print host got is listed to the last digit of its time, and given back byte by byte, whole or in part', async () => {
  const machine = await leased();
  const shipped = await machine.ship({ 'benchy.gcode': 'G28\n', '.thumbs/benchy-32x32.png': 'png' });
  expect([shipped.status, shipped.json]).toEqual([
    200,
    { on: 'line', id: expect.stringMatching(/^00000001-/), missing: [] },
  ]);
  const { json, status } = await machine.list();
  expect([status, json]).toEqual([
    200,
    {
      id: shipped.json.id,
      files: [
        { path: '.thumbs/benchy-32x32.png', sizeBytes: 3, mtimeNs: MTIME, sha256: shaOf('png') },
        { path: 'benchy.gcode', sizeBytes: 4, mtimeNs: MTIME, sha256: shaOf('G28\n') },
      ],
      hidden: [],
      source: [],
    },
  ]);
  expect((await machine.get(shaOf('G28\n'))).body.toString()).toBe('G28\n');
  const part = await machine.get(shaOf('G28\n'), { range: 'bytes=1-2' });
  expect([part.status, part.body.toString()]).toEqual([206, '28']);
});

it('a boot is told what the line is, and who knows it already gets no listing', async () => {
  const { line, machine } = await twoBoots();
  const { json } = await line.ship({ 'a.gcode': 'a' });
  const again = await machine.lease('voron', NEXT_BOOT);
  expect(again.json.items).toEqual({ gcodes: { id: json.id, files: 1 } });
  const etag = shaOf((await line.list()).body.toString());
  expect((await line.list({ 'if-none-match': `"${etag}"` })).status).toBe(304);
});

describe('a file in pieces', () => {
  const content = Buffer.alloc(300_000, 'G1 X1\n');

  it('goes on where it broke off, and is nothing before it is whole', async () => {
    const machine = await leased();
    const head = await machine.upload(content.subarray(0, 100_000), { sha256: sha256(content), size: content.length });
    expect(head.json).toEqual({ haveBytes: 100_000, isWhole: false });
    await expect(machine.upload(content, { at: 100_000, cutAfterBytes: 70_000 })).rejects.toThrow();
    expect((await machine.change([changeOf('big.gcode', content.toString())])).json.missing).toEqual([sha256(content)]);
    expect(await listed(machine)).toEqual({});
    await expect.poll(async () => (await machine.upload(content, { at: 0 })).status).toBe(200);
    const { json } = await machine.upload(content, { at: 0 });
    const have = Number(json.haveBytes);
    expect(have).toBeGreaterThanOrEqual(100_000);
    expect((await machine.upload(content, { at: have })).json).toEqual({ haveBytes: 300_000, isWhole: true });
    await machine.change([changeOf('big.gcode', content.toString())]);
    expect((await machine.get(sha256(content))).body.equals(content)).toBe(true);
  });

  it.each([
    ['another digest', { sha256: 'f'.repeat(64) }, [422, 'generation-mismatch']],
    ['more than was announced', { size: 10 }, [413, 'generation-too-large']],
    ['no digest for its name', { sha256: '..%2F..%2Fprinter.json' }, [404, 'file-unknown']],
    ['a size that is none', { size: -1 }, [400, 'request-invalid']],
  ])('with %s leaves nothing', async (_title, over, expected) => {
    const machine = await leased();
    const answer = await machine.upload(content, over);
    expect([answer.status, codeOf(answer)]).toEqual(expected);
    expect(contentsOf()).toEqual([]);
    expect(await listed(machine)).toEqual({});
  });

  it('is not sent again when the server has it: a move costs a name', async () => {
    const machine = await leased();
    await machine.ship({ 'a.gcode': 'moved' });
    const moved = await machine.change([changeOf('a.gcode', null, 'moved'), changeOf('sub/b.gcode', 'moved')]);
    expect(moved.json.missing).toEqual([]);
    expect(await listed(machine)).toEqual({ 'sub/b.gcode': shaOf('moved') });
  });
});

it.each([
  ['..', '../x.gcode'],
  ['a .. within', 'a/../../x.gcode'],
  ['the root', '/etc/passwd'],
  ['nothing', ''],
  ['a nameless folder', 'a//b'],
  ['a NUL', 'a\0b'],
  ['256 bytes of a name', 'n'.repeat(256)],
  ['a path without end', 'd/'.repeat(600)],
  ['our own folder', '.statectl-tmp/x'],
  ['half a character', 'a\ud800b'],
])('a name with %s is refused, and all that came with it', async (_title, path) => {
  const machine = await leased();
  await machine.upload(Buffer.from('x'));
  const answer = await machine.change([changeOf('good.gcode', 'x'), changeOf(path, 'x')]);
  expect([answer.status, codeOf(answer)]).toEqual([400, 'request-invalid']);
  expect(await listed(machine)).toEqual({});
});

it('names that Linux allows are kept as they are: a line break, 255 bytes, other alphabets', async () => {
  const machine = await leased();
  const names = ['two\nlines.gcode', `${'n'.repeat(249)}.gcode`, 'Würfel/Ü é.gcode', '..two dots.gcode', '-rf'];
  await machine.ship(Object.fromEntries(names.map((name) => [name, 'x'])));
  expect(Object.keys(await listed(machine)).toSorted()).toEqual(names.toSorted());
});

it('what was replaced or deleted on the line can be had from what was removed', async () => {
  const machine = await leased();
  await machine.ship({ 'a.gcode': 'one', 'b.gcode': 'two' });
  await machine.upload(Buffer.from('three'));
  await machine.change([changeOf('a.gcode', 'three', 'one'), changeOf('b.gcode', null, 'two')]);
  expect(await listed(machine)).toEqual({ 'a.gcode': shaOf('three') });
  expect(contentsOf()).toEqual([shaOf('one'), shaOf('three'), shaOf('two')].toSorted());
  const { removed } = JSON.parse(readFileSync(at('line/gcodes/index.json'), 'utf8'));
  expect(removed.map(({ path }: { path: string }) => path)).toEqual(['a.gcode', 'b.gcode']);
});

it('a deletion of what is no longer there leaves what is newer', async () => {
  const machine = await leased();
  await machine.ship({ 'a.gcode': 'newer' });
  await machine.change([changeOf('a.gcode', null, 'older')]);
  expect(await listed(machine)).toEqual({ 'a.gcode': shaOf('newer') });
});

it('a folder takes the place of a file, and a file that of a folder', async () => {
  const machine = await leased();
  await machine.ship({ a: 'file' });
  await machine.ship({ 'a/b.gcode': 'below' });
  expect(Object.keys(await listed(machine))).toEqual(['a/b.gcode']);
  await machine.ship({ a: 'file' });
  expect(Object.keys(await listed(machine))).toEqual(['a']);
});

describe('a branch', () => {
  /** A boot that no server gave the lease, beside a line with one file. */
  async function beside(): Promise<{ line: MirrorMachine; branch: MirrorMachine }> {
    const { line, branch } = await twoBoots();
    await line.ship({ 'mine.gcode': 'line' });
    return { line, branch };
  }

  it('has its new names taken into the line by themselves; what collides stays below it', async () => {
    const { line, branch } = await beside();
    const { json } = await branch.ship({ 'new.gcode': 'new', 'mine.gcode': 'branch', 'mine.gcode/x': 'clash' });
    expect(json).toMatchObject({ on: 'branch', why: 'no server gave this boot the lease of the printer', missing: [] });
    expect(await listed(line)).toEqual({ 'mine.gcode': shaOf('line'), 'new.gcode': shaOf('new') });
    const own = JSON.parse(readFileSync(at('branches', String(json.branch), 'gcodes/index.json'), 'utf8'));
    expect(own.files.map(({ path }: { path: string }) => path)).toEqual(['mine.gcode/x']);
    expect(own.removed.map(({ path }: { path: string }) => path)).toEqual(['mine.gcode']);
  });

  it('deletes nothing of the line, and goes on with what it put there itself', async () => {
    const { line, branch } = await beside();
    await branch.ship({ 'new.gcode': 'new' });
    await branch.upload(Buffer.from('processed'));
    await branch.change([changeOf('mine.gcode', null, 'line'), changeOf('new.gcode', 'processed', 'new')]);
    expect(await listed(line)).toEqual({ 'mine.gcode': shaOf('line'), 'new.gcode': shaOf('processed') });
    await branch.change([changeOf('new.gcode', null, 'processed')]);
    expect(Object.keys(await listed(line))).toEqual(['mine.gcode', 'new.gcode']);
  });

  it('does not keep the line from going on', async () => {
    const { line, branch } = await beside();
    await branch.ship({ 'new.gcode': 'new' });
    expect((await line.ship({ 'next.gcode': 'next' })).json.on).toBe('line');
    expect(Object.keys(await listed(line))).toEqual(['mine.gcode', 'new.gcode', 'next.gcode']);
  });

  it('of a machine that the network alone knows puts nothing on the line', async () => {
    const line = await leased();
    await line.ship({ 'mine.gcode': 'line' });
    const stranger = mirrorMachine(await server.machine('print01', 'network'), { boot: NEXT_BOOT });
    expect((await stranger.ship({ 'new.gcode': 'new' })).json.on).toBe('branch');
    const again = mirrorMachine(await server.machine('print01'));
    expect(Object.keys(await listed(again))).toEqual(['mine.gcode']);
    const refused = mirrorMachine(await server.machine('print01', 'network'));
    expect((await refused.list()).status).toBe(403);
    expect((await refused.get(shaOf('line'))).status).toBe(403);
  });
});

describe('at its quota', () => {
  const give = (gcodeQuotaBytes: number) => server.give('print01', { voron: { items: [GCODE_ITEM], gcodeQuotaBytes } });

  it('what was removed goes to make room, and what the line has never does', async () => {
    give(10);
    const machine = await leased();
    await machine.ship({ 'a.gcode': '12345', 'b.gcode': '678' });
    await machine.change([changeOf('b.gcode', null, '678')]);
    await machine.ship({ 'c.gcode': 'abcde' });
    expect(contentsOf()).toEqual([shaOf('12345'), shaOf('abcde')].toSorted());
    const full = await machine.upload(Buffer.from('more'));
    expect([full.status, codeOf(full)]).toEqual([507, 'state-full']);
    expect(Object.keys(await listed(machine))).toEqual(['a.gcode', 'c.gcode']);
  });

  it('what was only begun counts as what it said it would be', async () => {
    give(10);
    const machine = await leased();
    await machine.upload(Buffer.from('1'), { sha256: 'a'.repeat(64), size: 9 });
    expect((await machine.upload(Buffer.from('22'))).status).toBe(507);
  });

  it('what collided on a branch goes before the line, and an admin is told', async () => {
    give(10);
    const { line, branch } = await twoBoots();
    await line.ship({ 'a.gcode': 'line' });
    await branch.ship({ 'a.gcode': 'branch' });
    expect((await line.ship({ 'b.gcode': '12345' })).status).toBe(200);
    expect(Object.keys(await listed(line))).toEqual(['a.gcode', 'b.gcode']);
    expect(server.alarms.at(-1)).toMatch(/at its quota of gcode: the files of branch \S+ went to make room/);
  });
});

it('a machine of another node gets nothing, and leaves nothing', async () => {
  const machine = await leased();
  await machine.ship({ 'a.gcode': 'a' });
  server.give('print02', {});
  const other = mirrorMachine(await server.machine('print02'), { lease: 1 });
  const answers = [
    await other.list(),
    await other.get(shaOf('a')),
    await other.upload(Buffer.from('b')),
    await other.change([changeOf('b', 'a')]),
  ];
  expect(answers.map(codeOf)).toEqual(Array(4).fill('printer-unknown'));
});

it('an index that the disk tore is the one before, and one that is none is told and overwritten by nobody', async () => {
  const { line: machine, machine: host } = await twoBoots();
  await machine.ship({ 'a.gcode': 'a' });
  await machine.ship({ 'b.gcode': 'b' });
  writeFileSync(at('line/gcodes/index.json'), '{"revision":');
  expect(Object.keys(await listed(machine))).toEqual(['a.gcode']);
  writeFileSync(at('line/gcodes/index.json.before'), '');
  const answer = await machine.change([changeOf('c.gcode', 'a')]);
  expect([answer.status, codeOf(answer)]).toEqual([503, 'state-damaged']);
  expect(contentsOf()).toEqual([shaOf('a'), shaOf('b')].toSorted());
  expect((await host.lease('voron', NEXT_BOOT)).json.items).toEqual({ gcodes: null });
  expect(server.alarms.at(-1)).toContain('is no index of a mirror');
});

describe('a folder that other tools fill', () => {
  const folder = (): string => join(server.state, 'folders', 'slicer');
  const fill = (name: string, content: string, ageSeconds = 60): void => {
    mkdirSync(join(folder(), name, '..'), { recursive: true });
    writeFileSync(join(folder(), name), content);
    utimesSync(join(folder(), name), Date.now() / 1000 - ageSeconds, Date.now() / 1000 - ageSeconds);
  };
  beforeEach(() =>
    server.give('print01', { voron: { items: [{ ...GCODE_ITEM, source: { kind: 'folder', name: 'slicer' } }] } }),
  );
  const sourceOf = ({ json }: Answer): readonly string[] => (json.source as { path: string }[]).map(({ path }) => path);

  it('is listed beside the line and given out, without what is still written and without links', async () => {
    fill('parts/bolt.gcode', 'bolt');
    fill('fresh.gcode', 'half', 0);
    fill('future.gcode', 'future', -86_400);
    symlinkSync('/etc/passwd', join(folder(), 'passwd.gcode'));
    const machine = await leased();
    await machine.ship({ 'own.gcode': 'own' });
    const answer = await machine.list();
    expect(sourceOf(answer).toSorted()).toEqual(['future.gcode', 'parts/bolt.gcode']);
    expect((await machine.get(shaOf('bolt'))).body.toString()).toBe('bolt');
    expect((await machine.get(sha256(readFileSync('/etc/passwd')))).status).toBe(404);
  });

  it('gives out nothing that took the place of what was listed', async () => {
    fill('a.gcode', 'listed');
    const machine = await leased();
    await machine.list();
    fill('a.gcode', 'other!');
    expect((await machine.get(shaOf('listed'))).status).toBe(404);
    expect((await machine.get(shaOf('other!'))).status).toBe(404);
  });

  it('that is not there is told once, and has what it had: nobody deleted that', async () => {
    fill('a.gcode', 'a');
    const machine = await leased();
    await machine.list();
    renameSync(folder(), `${folder()}.away`);
    // Each look is for some seconds.
    await expect.poll(async () => sourceOf(await machine.list()) && server.alarms.length, { timeout: 15_000 }).toBe(1);
    expect(sourceOf(await machine.list())).toEqual(['a.gcode']);
    expect(server.alarms).toEqual([
      expect.stringMatching(/^there is no .*, which config\.d names as folder:\w+: make it/),
    ]);
  }, 20_000);
});

it('names of what was only deleted are bounded as those of files are', async () => {
  const machine = await leased();
  const names = Array.from({ length: 256 }, (_, at) => `${String(at).padStart(4, '0')}/${'n/'.repeat(500)}x`);
  let answer: Answer | undefined;
  for (let at = 0; at < 20; at += 1) {
    answer = await machine.change(names.map((name) => ({ ...changeOf(`${at}${name}`, null), over: 'nfs-1-1' })));
    if (answer.status !== 200) break;
  }
  expect(answer && [answer.status, codeOf(answer)]).toEqual([507, 'state-full']);
}, 20_000);

it('an admin sees what a branch has that the line lacks, exports all of it as plain files, and takes it', async () => {
  const { line, branch } = await twoBoots();
  await line.ship({ 'a.gcode': 'line', 'sub/b.gcode': 'both' });
  const { json } = await branch.ship({ 'a.gcode': 'branch' });
  const name = String(json.branch);
  const run = (...words: string[]) =>
    execFileSync(process.execPath, ['src/main.ts', 'printer', ...words, '--state', server.state], { encoding: 'utf8' });
  expect(JSON.parse(run('branches', 'voron', '--json'))).toMatchObject([
    { branch: name, bytes: 6, items: [{ item: 'gcodes', lacking: ['a.gcode'] }] },
  ]);
  await line.ship({ 'torn.gcode': 'torn', 'lost.gcode': 'lost' });
  writeFileSync(at('line/gcodes/files', shaOf('torn')), 't');
  rmSync(at('line/gcodes/files', shaOf('lost')));
  const out = join(server.state, 'out');
  run('export', 'voron', '--out', out);
  expect(readFileSync(join(out, 'line/gcodes/files/sub/b.gcode'), 'utf8')).toBe('both');
  expect(readFileSync(join(out, 'branches', name, 'gcodes/files/a.gcode'), 'utf8')).toBe('branch');
  expect(readdirSync(join(out, 'line/gcodes/files')).toSorted()).toEqual(['a.gcode', 'sub']);
  run('take', 'voron', name);
  expect(await listed(line)).toMatchObject({ 'a.gcode': shaOf('branch'), 'sub/b.gcode': shaOf('both') });
  expect((await line.get(shaOf('branch'))).body.toString()).toBe('branch');
  expect(contentsOf()).toContain(shaOf('line'));
  expect(JSON.parse(run('branches', 'voron', '--json'))).toMatchObject([{ items: [{ lacking: [] }] }]);
});
