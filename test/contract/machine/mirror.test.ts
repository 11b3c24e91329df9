import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StatectlError } from '../../../src/error.ts';
import { type MirrorLab, mirrorLab } from '../../fixtures/state/mirror-lab.ts';
import { changeOf, mirrorMachine } from '../../fixtures/state/mirror-machine.ts';

let lab: MirrorLab;
beforeEach(async () => {
  lab = await mirrorLab();
});
afterEach(() => lab[Symbol.asyncDispose]());

it('what was uploaded to a printer is there after the next boot, to the last digit of its time, and its owner’s', async () => {
  const first = await lab.boot();
  lab.write('parts/benchy.gcode', 'G28\n'.repeat(100_000));
  lab.write('.thumbs/benchy-32x32.png', 'png');
  lab.write('empty.gcode', '');
  // A time as kernels say it, not as JavaScript does.
  const pythonTime = 'import os,sys; s=os.stat(sys.argv[1]); print(repr(s.st_mtime))';
  const before = execFileSync('python3', ['-c', pythonTime, join(lab.folder, 'parts/benchy.gcode')]).toString();
  expect(await first.settle()).toMatchObject({ ahead: 0, faults: [], left: [] });
  const uploaded = lab.files();
  const next = await lab.boot();
  expect(lab.files()).toEqual(uploaded);
  expect(execFileSync('python3', ['-c', pythonTime, join(lab.folder, 'parts/benchy.gcode')]).toString()).toBe(before);
  const { uid, mode } = statSync(join(lab.folder, 'parts/benchy.gcode'));
  expect([uid, mode & 0o777]).toEqual([statSync(lab.folder).uid, 0o644]);
  expect(statSync(join(lab.folder, 'parts')).uid).toBe(uid);
  expect(next.warnings).toEqual([]);
  expect((await next.settle()).ahead).toBe(0);
});

it('deletes, moves and rewrites of the printer are the line’s', async () => {
  const { settle } = await lab.boot();
  for (const name of ['gone', 'moved', 'rewritten']) lab.write(`${name}.gcode`, name);
  await settle();
  lab.remove('gone.gcode');
  mkdirSync(join(lab.folder, 'sub'));
  lab.move('moved.gcode', 'sub/moved.gcode');
  lab.write('rewritten.gcode', 'processed');
  await settle();
  expect(await lab.line()).toEqual({ 'sub/moved.gcode': 'moved', 'rewritten.gcode': 'processed' });
});

describe('without a server', () => {
  it('all that the printer does is taken, and sent when there is one again', async () => {
    const { settle, round } = await lab.boot();
    lab.write('a.gcode', 'a');
    lab.write('b.gcode', 'b');
    await settle();
    lab.isAway = true;
    lab.write('c.gcode', 'c');
    lab.remove('a.gcode');
    await expect(round()).rejects.toThrow('no server answers');
    lab.isAway = false;
    await settle();
    expect(await lab.line()).toEqual({ 'b.gcode': 'b', 'c.gcode': 'c' });
  });

  it('at its boot, what it does is a branch: new files are in the line, and nothing of the line goes', async () => {
    const first = await lab.boot();
    lab.write('mine.gcode', 'line');
    await first.settle();
    lab.isAway = true;
    const { settle, session } = await lab.boot();
    expect(session).toMatchObject({ base: null, why: expect.any(String) });
    lab.write('mine.gcode', 'branch');
    lab.write('new.gcode', 'new');
    lab.isAway = false;
    const { answer } = await settle();
    expect(await lab.line()).toEqual({ 'mine.gcode': 'line', 'new.gcode': 'new' });
    expect(lab.files()).toEqual({ 'mine.gcode': 'branch', 'new.gcode': 'new' });
    expect(answer).toBeUndefined();
    lab.remove('new.gcode');
    await settle();
    expect(Object.keys(await lab.line())).toEqual(['mine.gcode', 'new.gcode']);
    await lab.boot();
    expect(lab.files()).toEqual({ 'mine.gcode': 'line', 'new.gcode': 'new' });
  });

  it('on a disk, what was deleted is there again if the line went on without this machine', async () => {
    const first = await lab.boot();
    lab.write('a.gcode', 'a');
    lab.write('b.gcode', 'b');
    await first.settle();
    lab.isAway = true;
    await lab.boot({ disk: true });
    lab.remove('a.gcode');
    lab.write('c.gcode', 'c');
    lab.isAway = false;
    await replaceOnLine('b.gcode', 'newer');
    const { settle } = await lab.boot({ disk: true });
    await settle();
    const all = { 'a.gcode': 'a', 'b.gcode': 'newer', 'c.gcode': 'c' };
    expect([lab.files(), await lab.line()]).toEqual([all, all]);
  });

  it('on a disk, what collided as a branch is the line’s again at the next boot that has it', async () => {
    const first = await lab.boot();
    lab.write('a.gcode', 'line');
    lab.write('b.gcode', 'b');
    await first.settle();
    lab.isAway = true;
    const beside = await lab.boot({ disk: true });
    lab.write('a.gcode', 'branch');
    lab.remove('b.gcode');
    lab.isAway = false;
    await beside.settle();
    expect(lab.files()).toEqual({ 'a.gcode': 'branch' });
    await (await lab.boot({ disk: true })).settle();
    const all = { 'a.gcode': 'line', 'b.gcode': 'b' };
    expect([lab.files(), await lab.line()]).toEqual([all, all]);
  });

  it('a folder on a disk stays as it is, and what was done is sent by the next boot that has one', async () => {
    const first = await lab.boot();
    lab.write('a.gcode', 'a');
    lab.write('b.gcode', 'b');
    await first.settle();
    lab.isAway = true;
    await lab.boot({ disk: true });
    lab.write('c.gcode', 'c');
    lab.remove('a.gcode');
    lab.isAway = false;
    const { settle } = await lab.boot({ disk: true });
    expect(lab.files()).toEqual({ 'b.gcode': 'b', 'c.gcode': 'c' });
    await settle();
    expect(await lab.line()).toEqual({ 'b.gcode': 'b', 'c.gcode': 'c' });
  });
});

it('a folder that was emptied with all that is known of it deletes nothing: it is filled again', async () => {
  const { settle } = await lab.boot();
  lab.write('a.gcode', 'a');
  await settle();
  execFileSync('rm', ['-rf', join(lab.folder, 'a.gcode'), join(lab.folder, '.statectl-tmp')]);
  await settle();
  expect([await lab.line(), lab.files()]).toEqual([{ 'a.gcode': 'a' }, { 'a.gcode': 'a' }]);
});

/** What an admin does by taking a branch: the running boot keeps the line. */
async function replaceOnLine(path: string, content: string): Promise<void> {
  const { change, upload } = mirrorMachine(lab.machine, { boot: 'c0000000-0000-4000-8000-000000000009' });
  await upload(Buffer.from(content));
  const { json } = await change([changeOf(path, content)]);
  const { state } = lab.server;
  execFileSync(process.execPath, ['src/main.ts', 'printer', 'take', 'voron', String(json.branch), '--state', state]);
}

it('what an admin takes of a branch comes to the machine that runs, and what was deleted there goes', async () => {
  const { settle } = await lab.boot();
  lab.write('a.gcode', 'one');
  lab.write('b.gcode', 'two');
  await settle();
  await replaceOnLine('a.gcode', 'taken');
  await settle();
  expect(lab.files()).toEqual({ 'a.gcode': 'taken', 'b.gcode': 'two' });
});

describe('what is no plain file', () => {
  it('is left where it is, told, and keeps nothing else from being sent', async () => {
    const { round, settle } = await lab.boot();
    symlinkSync('nowhere', join(lab.folder, 'dangling.gcode'));
    symlinkSync('/etc/passwd', join(lab.folder, 'passwd.gcode'));
    symlinkSync('/etc', join(lab.folder, 'etc'));
    execFileSync('mkfifo', [join(lab.folder, 'pipe.gcode')]);
    writeFileSync(join(lab.folder, 'roots.gcode'), 'secret', { mode: 0o600 });
    writeFileSync(Buffer.concat([Buffer.from(`${lab.folder}/`), Buffer.from([0xff, 0x2e, 0x67])]), 'x');
    lab.write('two\nlines.gcode', 'x');
    lab.write(`${'n'.repeat(255)}`, 'y');
    const { faults, left } = await settle();
    await round();
    expect(faults).toEqual([]);
    expect(await lab.line()).toEqual({ 'two\nlines.gcode': 'x', [`${'n'.repeat(255)}`]: 'y' });
    expect(left.toSorted()).toEqual([
      '"dangling.gcode" is left out: it is a symbolic link that leads nowhere: Klipper halts the printer when it meets one',
      '"etc" is left out: it is a symbolic link',
      '"passwd.gcode" is left out: it is a symbolic link',
      '"pipe.gcode" is left out: it is no regular file',
      ...(process.getuid?.() === 0 ? ['"roots.gcode" is left out: its owner may not read it'] : []),
      '"\ufffd.g" is left out: its name is no UTF-8',
    ]);
  });

  it('in the way of a file of the line keeps that one away, and all others come', async () => {
    const first = await lab.boot();
    lab.write('a/b.gcode', 'below');
    lab.write('c.gcode', 'c');
    await first.settle();
    const { settle } = await lab.boot();
    execFileSync('rm', ['-rf', join(lab.folder, 'a'), join(lab.folder, 'c.gcode'), join(lab.folder, '.statectl-tmp')]);
    mkdirSync(join(lab.folder, '../outside'));
    symlinkSync('../outside', join(lab.folder, 'a'));
    const { faults } = await settle();
    expect(lab.files()).toEqual({ 'c.gcode': 'c' });
    expect(faults.join()).toMatch(/"a\/b\.gcode" cannot be had: E(LOOP|NOTDIR)/);
    expect(execFileSync('ls', [join(lab.folder, '../outside')]).toString()).toBe('');
  });

  it('under our own name goes aside, and nothing is written where it leads', async () => {
    const { settle } = await lab.boot();
    lab.write('a.gcode', 'a');
    await settle();
    mkdirSync(join(lab.folder, '../outside'));
    execFileSync('rm', ['-rf', join(lab.folder, '.statectl-tmp'), join(lab.folder, 'a.gcode')]);
    symlinkSync('../outside', join(lab.folder, '.statectl-tmp'));
    await settle();
    expect(lab.files()).toEqual({ 'a.gcode': 'a' });
    expect(execFileSync('ls', ['-A', join(lab.folder, '../outside')]).toString()).toBe('');
  });
});

describe('what is printed', () => {
  /** Moonraker's socket, with these in its queue. */
  async function queueOf(...names: readonly string[]): Promise<AsyncDisposable> {
    mkdirSync(join(lab.folder, '../comms'));
    const jobs = names.map((filename, at) => ({ filename, job_id: String(at), time_added: 0, time_in_queue: 0 }));
    const server = createServer((socket) =>
      socket.on('data', (bytes) => {
        const { id } = JSON.parse(bytes.toString().slice(0, -1));
        const answer = { jsonrpc: '2.0', result: { queued_jobs: jobs, queue_state: 'ready' }, id };
        socket.write('{"jsonrpc":"2.0","method":"notify_proc_stat_update"}\x03');
        socket.write(`${JSON.stringify(answer)}\x03`);
      }),
    );
    server.listen(join(lab.folder, '../comms/moonraker.sock'));
    await once(server, 'listening');
    return server;
  }
  /** A file that another process has open. */
  async function opened(path: string): Promise<AsyncDisposable> {
    const reader = spawn('tail', ['-f', '-n', '0', join(lab.folder, path)], { stdio: 'ignore' });
    await expect
      .poll(() => execFileSync('sh', ['-c', `ls -l /proc/${reader.pid}/fd`]).toString())
      .toContain(join(lab.folder, path));
    return {
      async [Symbol.asyncDispose]() {
        const ended = new Promise((resolve) => reader.once('exit', resolve));
        reader.kill();
        await ended;
      },
    };
  }

  it('is never put out for want of room, and goes when it is closed', async () => {
    const boot = await lab.boot();
    lab.write('old.gcode', 'o'.repeat(600));
    lab.age('old.gcode');
    lab.write('new.gcode', 'n'.repeat(600));
    await boot.settle();
    const small = boot.anew({ item: { ...boot.context.item, limitBytes: 1_000 } });
    {
      await using _reader = await opened('old.gcode');
      await small.settle();
      expect(Object.keys(lab.files())).toContain('old.gcode');
    }
    await small.settle();
    expect(Object.keys(lab.files())).toHaveLength(1);
    expect(Object.keys(await lab.line()).toSorted()).toEqual(['new.gcode', 'old.gcode']);
  });

  it('comes before all else when it is queued, also when it was put out', async () => {
    const boot = await lab.boot();
    lab.write('old.gcode', 'o'.repeat(600));
    lab.age('old.gcode');
    lab.write('new.gcode', 'n'.repeat(600));
    await boot.settle();
    const small = boot.anew({ item: { ...boot.context.item, limitBytes: 1_000 } });
    await small.settle();
    expect(Object.keys(lab.files())).toEqual(['new.gcode']);
    await using _moonraker = await queueOf('old.gcode');
    await small.settle();
    expect(Object.keys(lab.files())).toEqual(['old.gcode']);
  });

  it('is replaced when it is closed, and not before', async () => {
    const { settle } = await lab.boot();
    lab.write('a.gcode', 'printed');
    await settle();
    await replaceOnLine('a.gcode', 'newer');
    {
      await using _reader = await opened('a.gcode');
      await settle();
      expect(lab.files()).toEqual({ 'a.gcode': 'printed' });
    }
    await settle();
    expect(lab.files()).toEqual({ 'a.gcode': 'newer' });
  });
});

it('a server that has no room for a file is told, and takes the others', async () => {
  const { settle } = await lab.boot();
  lab.server.give('print01', { voron: { items: [(await lab.boot()).context.item], gcodeQuotaBytes: 10 } });
  lab.write('a-large.gcode', 'x'.repeat(20));
  lab.write('b.gcode', 'b');
  const { ahead, faults } = await settle();
  expect([ahead, faults.join()]).toEqual([1, expect.stringMatching(/as its quota of 10 bytes/)]);
  expect(lab.files()).toHaveProperty('a-large.gcode');
});

it.each([
  ['cut short', (path: string) => truncateSync(path, 3), /has no such file/],
  ['changed', (path: string) => writeFileSync(path, 'wrong'), /has another SHA-256 than the server said/],
])('what the disk of the server has %s is not taken, and told', async (_title, damage, expected) => {
  const { settle } = await lab.boot();
  lab.write('a.gcode', 'whole');
  await settle();
  const index = JSON.parse(readFileSync(join(lab.server.state, 'state/voron/line/gcodes/index.json'), 'utf8'));
  damage(join(lab.server.state, 'state/voron/line/gcodes/files', index.files[0].sha256));
  const { warnings, round } = await lab.boot();
  expect([lab.files(), warnings.join()]).toEqual([{}, expect.stringMatching(expected)]);
  await round();
  expect(await lab.server.alarms.join()).toMatch(expected.source.includes('SHA') ? '' : /the disk changed it/);
});

it('what is written while it is looked at is sent when it stands still, and never half', async () => {
  const boot = await lab.boot();
  let now = 0;
  const { host } = boot.context;
  const { round, settle } = boot.anew({ host: { ...host, clock: { ...host.clock, uptimeMs: () => now } } });
  lab.write('a.gcode', 'half');
  expect((await round()).isUnsettled).toBe(true);
  lab.write('a.gcode', 'half and half');
  now += 10_000;
  expect((await round()).isUnsettled).toBe(true);
  expect(await lab.line()).toEqual({});
  now += 10_000;
  await round();
  now += 10_000;
  await settle();
  expect(await lab.line()).toEqual({ 'a.gcode': 'half and half' });
});

it.runIf(process.getuid?.() === 0)(
  'a file system that is full takes what it has room for, the newest first',
  async () => {
    const { settle } = await lab.boot();
    for (const [at, name] of ['c', 'b', 'a'].entries()) {
      lab.write(`${name}.gcode`, name.repeat(900_000));
      utimesSync(join(lab.folder, `${name}.gcode`), 1_000 + at, 1_000 + at);
    }
    await settle();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2M', 'tmpfs', lab.folder]);
    try {
      const next = await lab.boot({ disk: true });
      expect([next.warnings, Object.keys(lab.files())]).toEqual([[], ['a.gcode', 'b.gcode']]);
      const { faults, left } = await next.settle();
      expect([faults, left]).toEqual([[], ['not here for want of room (limit): 1 of the line']]);
      expect(Object.keys(await lab.line())).toEqual(['a.gcode', 'b.gcode', 'c.gcode']);
    } finally {
      execFileSync('umount', [lab.folder]);
    }
  },
);

it('one file that the server refuses keeps no other back', async () => {
  const boot = await lab.boot();
  for (const name of ['a', 'b', 'c', 'd', 'e']) lab.write(`${name}.gcode`, name);
  const { ask } = boot.context;
  const refusing: typeof ask = (path, request) => {
    if (String(request?.body).includes('"c.gcode"'))
      return Promise.reject(new StatectlError('state-refused', 'a: these are no changes'));
    return ask(path, request);
  };
  const { ahead, faults } = await boot.anew({ ask: refusing }).settle();
  expect([ahead, faults]).toEqual([1, ['a: these are no changes']]);
  expect(Object.keys(await lab.line())).toEqual(['a.gcode', 'b.gcode', 'd.gcode', 'e.gcode']);
});

it.each([
  ['before 1970 is 1970', -5, 0],
  ['after 2262 is kept', 10_000_000_000, 10_000_000_000],
])('a time %s', async (_title, seconds, expected) => {
  const { settle } = await lab.boot();
  lab.write('a.gcode', 'a');
  execFileSync('touch', ['-d', `@${seconds}`, join(lab.folder, 'a.gcode')]);
  await settle();
  await lab.boot();
  expect(statSync(join(lab.folder, 'a.gcode')).mtimeMs).toBe(expected * 1000);
});

it('a second name of a file is a file of its own', async () => {
  const { settle } = await lab.boot();
  lab.write('a.gcode', 'same');
  linkSync(join(lab.folder, 'a.gcode'), join(lab.folder, 'b.gcode'));
  await settle();
  expect(await lab.line()).toEqual({ 'a.gcode': 'same', 'b.gcode': 'same' });
});
