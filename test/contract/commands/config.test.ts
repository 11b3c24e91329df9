import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cli } from '../../../src/cli.ts';

let dir: string;
const NODES = {
  'nodes/print.conf':
    '# Twenty-four print hosts.\nnode: print[01-24]\nmacs:\n  print01: 52:54:00:12:34:01   # the first\ngroups: [klipper]\n',
  'nodes/klipper.conf':
    'group: klipper\nmetadata: { room: B12 }\nset:\n  etc: { templates: [motd] }\n  tmpfs: { /tmp: { size: 25% } } # little RAM\n',
  'nodes/voron.conf':
    'group: voron\nnodes: print[13-24]\nmetadata: { printer: voron }\nset:\n  boot: { image: klipper-voron }\n',
  'templates/motd':
    '---\npath: /etc/motd\n---\n{{ node.name }}, room {{ metadata.room }}{% if metadata.printer %}, a {{ metadata.printer }}{% endif %}\n',
};
const put = (name: string, text: string) => writeFileSync(join(dir, name), text);
const text = (name: string) => readFileSync(join(dir, name), 'utf8');

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'statectl-config-verbs-'));
  cpSync('config.d', dir, { recursive: true });
  for (const [name, content] of Object.entries(NODES)) put(name, content);
});
afterEach(() => {
  rmSync(dir, { recursive: true });
  vi.restoreAllMocks();
});

/** What a verb prints on stdout, and its exit status; what it throws is what the shell's user reads. */
async function run(...words: readonly string[]): Promise<{ readonly out: string; readonly status: number }> {
  let out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    out += chunk;
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  process.exitCode = 0;
  try {
    const status = await cli([...words, '--config', dir]);
    return { out, status };
  } finally {
    process.exitCode = 0;
    vi.restoreAllMocks();
  }
}
const json = async (...words: readonly string[]) => JSON.parse((await run(...words, '--json')).out);

describe('an admin with 24 print hosts in two groups', () => {
  it('sees what each gets, and why', async () => {
    expect(await run('config', 'check')).toEqual({ out: '', status: 0 });
    expect((await run('node', 'render', 'print13', '/etc/motd')).out).toBe('print13, room B12, a voron\n');
    expect((await run('node', 'render', 'print01', '/etc/motd')).out).toBe('print01, room B12\n');
    const origin = (await run('config', 'show', '--node', 'print13', '--origin')).out;
    expect(origin).toMatch(/^boot\.image +klipper-voron +nodes\/voron\.conf:5:11 \(group voron\)$/m);
    expect(origin).toMatch(
      /^tmpfs\.\/tmp\.size +25% +nodes\/klipper\.conf:5:20 \(group klipper\)\n +instead of 50% +controller\/tmpfs\.conf:\d+:9 \(file\)$/m,
    );
    expect((await run('node', 'why', '--mac', '52-54-00-12-34-01')).out).toContain(
      '→ it is print01\ngroup klipper: nodes/print.conf lists it\n',
    );
    expect(await json('node', 'list', '--state', dir)).toHaveLength(24);
    expect(await json('node', 'show', 'print20')).toMatchObject({
      groups: ['voron', 'klipper'],
      metadata: { room: 'B12', printer: 'voron' },
      files: [{ path: '/etc/motd', mode: 0o644 }],
    });
    expect((await run('config', 'explain', 'boot.image', '--node', 'print13')).out).toMatch(
      /now:\nboot\.image +klipper-voron +nodes\/voron/,
    );
  });

  it.each([
    [['--label', 'rack'], '"rack" is not a label', 'like rack=07: NAME=VALUE'],
    [['--label', '=x'], '"=x" is not a label', 'NAME=VALUE'],
    [['--mac', '52:54'], '"52:54" is not a mac', 'like 52:54:00:12:34:56'],
    [['--hostname', 'a/b'], '"a/b" is not a host name', 'like print01'],
    [['--arch', '--serial'], '"--serial" is not an architecture', 'x86_64'],
    [['--serial', ''], '"" is not a serial number', 'PF0ABC12'],
    [[], 'which machine?', '--mac'],
    [['print01', '--arch', 'arm64'], 'which machine?', 'the name of a node, or'],
  ])('asks why with %j, and is told what is wrong with it', async (words, message, hint) => {
    await expect(run('node', 'why', ...words)).rejects.toMatchObject({ message, hint: expect.stringContaining(hint) });
  });

  it('asks which node a machine of two cards is', async () => {
    const { out } = await run('node', 'why', '--mac', '525400ffffff', '--mac', '01-52-54-00-12-34-01');
    expect(out).toContain('→ it is print01\n');
  });

  it('is told which groups match a machine, and not what its node file says of it', async () => {
    put('nodes/arm.conf', 'group: arm\nmatch: { arch: aarch64 }\n');
    put('nodes/rack.conf', 'group: rack\nmatch: { labels: { rack: "07" } }\n');
    put('nodes/everyone.conf', 'group: everyone\nnodes: all\n');
    const machine = ['--mac', '52-54-00-12-34-01', '--arch', 'arm64', '--label', 'rack=07'];
    const { out } = await run('node', 'why', ...machine);
    expect(out).toContain('group everyone: nodes/everyone.conf is for all machines\n');
    expect(out).toContain(
      'not in group arm: nodes/arm.conf asks for arch aarch64, and nodes/print.conf does not say that',
    );
    expect(out).toContain('not in group rack: nodes/rack.conf asks for');
    expect(await json('node', 'why', ...machine)).toMatchObject({ unseen: [{ group: 'arm' }, { group: 'rack' }] });
    const stranger = (await run('node', 'why', '--mac', '525400ffffff', '--arch', 'arm64')).out;
    expect(stranger).toContain('group arm: nodes/arm.conf: arch aarch64 matches\n');
    expect(stranger).toContain('group everyone: nodes/everyone.conf is for all machines\n');
    expect(stranger).not.toContain('not in group');
  });

  it('sees what a machine is given instead of an image', async () => {
    put(
      'nodes/voron.conf',
      NODES['nodes/voron.conf'].replace('image: klipper-voron', 'kernel: http://c.lab/k, initrd: [http://c.lab/i]'),
    );
    expect((await run('node', 'show', 'print13')).out).toMatch(/^boots +http:\/\/c\.lab\/k \+ http:\/\/c\.lab\/i$/m);
    expect((await run('node', 'render', 'print13', 'settings')).out).toContain('kernel: http://c.lab/k\n');
  });

  it('is told of members whose files are still to come, and that is no failure', async () => {
    put('nodes/voron.conf', NODES['nodes/voron.conf'].replace('13-24', '13-26'));
    const { out, status } = await run('config', 'check', '--json');
    expect([status, JSON.parse(out)]).toMatchObject([
      0,
      { faults: [], warnings: [{ file: 'nodes/voron.conf', message: expect.stringContaining('print[25-26]') }] },
    ]);
  });

  it('looks what a kernel command line would make of a machine', async () => {
    const line = 'quiet statectl.set=tmpfs./tmp.size=10%';
    const { out, status } = await run(
      'config',
      'show',
      '--node',
      'print13',
      '--origin',
      '--cmdline',
      line,
      '--cmdline',
      'ip=dhcp',
    );
    expect(out).toMatch(
      /^tmpfs\.\/tmp\.size +10% +cmdline:1:7 \(kernel command line\)\n +instead of 25% +nodes\/klipper\.conf:5:20/m,
    );
    expect(out).toContain('# cmdline:2:1 ip=dhcp: for the interface that is booted from, {"dhcp4":true}\n');
    expect(status).toBe(0);
    expect((await run('config', 'explain', 'tmpfs./tmp.size', '--cmdline', line)).out).toContain('cmdline:1:7');
    expect((await run('config', 'show', '--cmdline', 'statectl.sett=boot.image=a')).status).toBe(1);
    put('nodes/kiosk.conf', 'match: { labels: { room: b12 } }\nset: { boot: { image: kiosk } }\n');
    expect(await json('config', 'show', '--cmdline', 'statectl.label=room=b12')).toMatchObject({
      node: 'kiosk',
      settings: { boot: { image: 'kiosk' } },
    });
  });

  it('changes one value for all, sees what it does, and takes it back', async () => {
    await run('config', 'set', 'tmpfs./tmp.size', '30%', '--in', 'nodes/klipper.conf');
    expect(text('nodes/klipper.conf')).toBe(NODES['nodes/klipper.conf'].replace('25%', '30%'));
    expect((await run('config', 'diff', 'HEAD~1', 'HEAD')).out).toBe(
      'print[01-24]:\n  ~ tmpfs./tmp.size "25%" → "30%"\n',
    );
    await run('config', 'undo');
    expect(text('nodes/klipper.conf')).toBe(NODES['nodes/klipper.conf']);
    const { revisions } = await json('config', 'log');
    expect(revisions.map(({ message }: { message: string }) => message)).toEqual([
      'Undo: Set tmpfs./tmp.size to 30% in nodes/klipper.conf',
      'Set tmpfs./tmp.size to 30% in nodes/klipper.conf',
      'As it was found',
    ]);
  });

  it('adds, changes and removes a machine', async () => {
    await run('node', 'add', 'print25', '--mac', '525400123425', '--groups', 'klipper');
    await run('node', 'set', 'print25', 'metadata.room', 'B13');
    expect((await run('node', 'render', 'print25', '/etc/motd')).out).toBe('print25, room B13\n');
    await run('node', 'remove', 'print25');
    await expect(run('node', 'render', 'print25')).rejects.toMatchObject({
      code: 'node-unknown',
      hint: 'did you mean print05?',
    });
    await expect(run('node', 'remove', 'print01')).rejects.toMatchObject({ code: 'node-shared' });
  });

  it('edits a file in an editor of their own, and a fault keeps the text but changes nothing', async () => {
    vi.stubEnv('VISUAL', 'sed -i s/B12/C1/');
    await run('config', 'edit', 'nodes/klipper.conf');
    expect(text('nodes/klipper.conf')).toContain('room: C1');
    vi.stubEnv('VISUAL', 'sed -i s/group:/gruop:/');
    await expect(run('config', 'edit', 'nodes/voron.conf')).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining('voron.conf.rejected~'),
    });
    expect(text('nodes/voron.conf')).toBe(NODES['nodes/voron.conf']);
    expect(text('nodes/voron.conf.rejected~')).toContain('gruop:');
    vi.unstubAllEnvs();
  });
});

describe('config check', () => {
  it('tells every fault of every file and template, with the machines that have it, and status 1', async () => {
    put('templates/motd', '---\npath: /etc/motd\n---\n{{ metadata.rom }}\n');
    put('controller/rescue.conf', 'atempts: 3\n');
    const { out, status } = await run('config', 'check');
    expect(status).toBe(1);
    expect(out).toContain(
      'controller/rescue.conf:1:1 unknown key "atempts": did you mean "attempts"? (for print[01-24])\n',
    );
    put('controller/rescue.conf', '');
    expect((await run('config', 'check', '--node', 'print02')).out).toMatch(
      /^templates\/motd:4:\d+ .*metadata\.rom.*did you mean "room"\?.* \(for print02\)$/m,
    );
  });

  it('tells what the history would refuse, and files whose name or folder is misspelt', async () => {
    put('templates/k', '-----BEGIN PRIVATE KEY-----\n');
    symlinkSync('/etc/passwd', join(dir, 'nodes/l.conf'));
    mkdirSync(join(dir, 'sytem'));
    put('sytem/boot.conf', 'image: x\n');
    put('nodes/z.yaml', 'node: z\n');
    put('controller/services/default-runlvel', '');
    const { out, status } = await run('config', 'check');
    expect(status).toBe(1);
    expect(out).toContain('templates/k:1:1 a private key');
    expect(out).toContain('nodes/l.conf:1:1 is a symlink');
    expect(out).toContain('sytem/boot.conf:1:1 unknown file: did you mean system/boot.conf?');
    expect(out).toContain('nodes/z.yaml:1:1 unknown file');
    expect(out).toContain('did you mean controller/services/default-runlevel?');
  });

  it('of one node does not see the faults of another', async () => {
    put('nodes/stray.conf', 'groups: [klippr]\n');
    expect((await run('config', 'check', '--node', 'print01')).status).toBe(0);
    rmSync(join(dir, 'nodes/stray.conf'));
    put('nodes/bad.conf', 'node: bad\nset: { boot: { imgae: x } }\n');
    expect((await run('config', 'check', '--node', 'print01')).status).toBe(0);
    expect((await run('config', 'check')).out).toBe(
      'nodes/bad.conf:2:16 unknown key "imgae": did you mean "image"? (for bad)\n',
    );
    expect((await run('node', 'render', 'print01', '/etc/motd')).out).toBe('print01, room B12\n');
  });
});

describe('what somebody broke with an editor', () => {
  it('is mended by a verb, and what comes of it is checked', async () => {
    await run('config', 'set', 'server.tries', '4');
    put('nodes/bad.conf', 'groups: [klippr]\n');
    // It waits for whom it belongs to: neither lost nor committed.
    await run('config', 'set', 'server.tries', '5');
    expect(text('nodes/bad.conf')).toBe('groups: [klippr]\n');
    expect((await run('config', 'check')).status).toBe(1);
    await expect(run('config', 'set', 'groups', '[klippor]', '--in', 'nodes/bad.conf')).rejects.toMatchObject({
      code: 'config-invalid',
    });
    await run('config', 'set', 'groups', '[klipper]', '--in', 'nodes/bad.conf');
    expect(text('nodes/bad.conf')).toBe('groups: [klipper]\n');
    expect((await run('config', 'check')).status).toBe(0);
    put('nodes/bad.conf', 'groups: [klippr]\n');
    await run('node', 'remove', 'bad');
    expect((await run('node', 'list')).out).not.toContain('bad');
  });

  it('is two files for one machine: config check tells', async () => {
    put('nodes/twin.conf', 'match: { mac: 52-54-00-12-34-01 }\n');
    const { out, status } = await run('config', 'check');
    expect([status, out]).toEqual([
      1,
      expect.stringMatching(/^nodes\/\S+\.conf:\d+:\d+ .*print01 .*twin .*both match one machine/),
    ]);
  });
});

describe('config diff', () => {
  it('names the side that is faulty, tells the faults once, compares the rest, and ends with status 1', async () => {
    put('nodes/plain.conf', 'node: plain\n');
    await run('config', 'log');
    put('templates/motd', '---\npath: /etc/motd\n---\n{{ metadata.rom }}\n');
    put('nodes/plain.conf', 'node: plain\nmetadata: { room: C1 }\n');
    expect(await run('config', 'diff')).toEqual({
      out: [
        'faults in the files as they are:',
        '  templates/motd:4:4 unknown variable metadata.rom: did you mean "room"? (for print[01-24])',
        'not compared, because of these faults: print[01-24]',
        'plain:',
        '  + metadata {"room":"C1"}',
        '',
      ].join('\n'),
      status: 1,
    });
    expect((await json('config', 'diff')).to.faults).toMatchObject([{ nodes: { length: 24 } }]);
  });

  it('tells the change of a template for 24 machines once', async () => {
    await run('config', 'log');
    put('templates/motd', NODES['templates/motd'].replace('{{ node.name }}', 'Here is {{ node.name }}'));
    expect((await run('config', 'diff')).out).toContain(
      '      - {{ node.name }}, room B12\n      + Here is {{ node.name }}, room B12\n',
    );
  });

  it('says that nothing was taken up where that is so', async () => {
    await expect(run('config', 'diff')).rejects.toMatchObject({
      code: 'revision-unknown',
      message: expect.stringContaining('machines get nothing'),
    });
  });
});

describe('a number that would lose what was typed', () => {
  it.each([
    ['07', '7'],
    ['1.10', '1.1'],
    ['0x1F', '31'],
    ['12345678901234567890', '12345678901234567000'],
    ['{ bay: [1, 08] }', '8'],
    ['{ 007: a }', '7'],
  ])('is refused: %s', async (value, number) => {
    const before = text('nodes/print.conf');
    await expect(run('node', 'set', 'print01', 'metadata.rack', value, '--all')).rejects.toMatchObject({
      code: 'value-invalid',
      message: expect.stringContaining(`would be the number ${number}`),
      hint: expect.stringContaining('quotes'),
    });
    expect(text('nodes/print.conf')).toBe(before);
  });

  it('is written where it stands in quotes', async () => {
    await run('node', 'set', 'print01', 'metadata.rack', '"07"', '--all');
    expect(await json('node', 'show', 'print01')).toMatchObject({ metadata: { rack: '07' } });
    await run('config', 'set', 'server.tries', '5');
    expect(await json('config', 'show')).toMatchObject({ settings: { server: { tries: 5 } } });
  });
});

describe('a folder that is no config.d', () => {
  const VERBS = [['check'], ['diff'], ['log'], ['undo'], ['edit', 'system/boot.conf'], ['set', 'boot.image', 'x']].map(
    (words) => ['config', ...words],
  );

  it.each(VERBS)('is named by %s %s, be it missing or a file', async (...words) => {
    const given = dir;
    try {
      for (const name of ['missing', 'README']) {
        dir = join(given, name);
        await expect(run(...words)).rejects.toMatchObject({ code: 'config-missing' });
      }
    } finally {
      dir = given;
    }
  });

  it('has a file where a folder must be, or the other way round: config check tells', async () => {
    rmSync(join(dir, 'sources'), { recursive: true });
    put('sources', '');
    rmSync(join(dir, 'system/boot.conf'));
    mkdirSync(join(dir, 'system/boot.conf'));
    const { out, status } = await run('config', 'check');
    expect([status, out]).toEqual([
      1,
      'sources:1:1 is a file: it must be a folder\nsystem/boot.conf:1:1 is a folder: it must be a file\n',
    ]);
    await expect(run('config', 'set', 'boot.image', 'x')).rejects.toMatchObject({ code: 'file-unknown' });
  });

  it.each([
    ['system/boot.conf', 'config', 'show'],
    ['system/boot.conf', 'config', 'explain', 'boot.image'],
    ['system/boot.conf', 'node', 'render', 'print01'],
    ['nodes/print.conf', 'config', 'check'],
    ['nodes/print.conf', 'config', 'show'],
  ])('has a folder where %s must be: %s %s names it', async (file, ...words) => {
    rmSync(join(dir, file));
    mkdirSync(join(dir, file));
    const isTold = `${file}:1:1 is a folder: it must be a file`;
    if (words[1] === 'check') {
      expect(await run(...words)).toMatchObject({ status: 1, out: expect.stringContaining(isTold) });
      return;
    }
    const said = await run(...words).then(
      () => 'done',
      ({ code, message }) => [code, message],
    );
    // The file of a node stops no machine that no file names.
    const isOfNode = file.startsWith('nodes/');
    expect(said).toEqual(isOfNode ? 'done' : ['config-invalid', isTold]);
  });

  it('has a binary file, which config show and node render name as the check does', async () => {
    writeFileSync(join(dir, 'system/boot.conf'), Buffer.from([0xff, 0xfe, 0x3a, 0x00]));
    for (const words of [
      ['config', 'show'],
      ['node', 'render', 'print01'],
    ])
      await expect(run(...words)).rejects.toMatchObject({
        code: 'config-invalid',
        message: 'system/boot.conf:1:1 is not UTF-8 text',
      });
  });

  it('has a link for a template: it stops the machines that use it alone', async () => {
    rmSync(join(dir, 'templates/motd'));
    symlinkSync('/etc/motd', join(dir, 'templates/motd'));
    put('nodes/alone.conf', '{}\n');
    expect((await run('node', 'render', 'alone')).status).toBe(0);
    await expect(run('node', 'render', 'print01')).rejects.toMatchObject({ code: 'config-invalid' });
  });

  it('has a binary file, which no verb changes', async () => {
    writeFileSync(join(dir, 'system/boot.conf'), Buffer.from([0xff, 0, 0xfe]));
    for (const words of [
      ['set', 'boot.image', 'x'],
      ['edit', 'system/boot.conf'],
    ])
      await expect(run('config', ...words)).rejects.toMatchObject({ code: 'file-unknown' });
  });
});

describe('an editor', () => {
  it.each([
    ['that is not there', 'nonsuch-editor', 'there is no such program'],
    ['that fails', 'false', 'status 1'],
  ])('%s changes nothing', async (_title, editor, why) => {
    vi.stubEnv('VISUAL', ' ');
    vi.stubEnv('EDITOR', editor);
    await expect(run('config', 'edit', 'system/boot.conf')).rejects.toMatchObject({
      code: 'editor-failed',
      message: expect.stringContaining(why),
    });
    vi.unstubAllEnvs();
  });
});

describe('a change that cannot be', () => {
  it.each([
    [['config', 'set', 'sever.tries', '3'], 'setting-unknown', 'did you mean server.tries?'],
    [['config', 'set', 'server.tries', '[1'], 'value-invalid', ''],
    [['config', 'set', 'server.tries', '3', '--in', 'system/boot.conf'], 'file-unknown', ''],
    [['config', 'set', 'server.tries'], 'value-missing', ''],
    [['config', 'set', 'server.tries', 'many'], 'config-invalid', ''],
    [['config', 'undo', 'nonsense'], 'revision-unknown', ''],
    [['config', 'edit', '../etc/passwd'], 'file-unknown', ''],
    [['config', 'edit', '.git/config'], 'file-unknown', 'nothing hidden'],
    [['config', 'edit', 'system'], 'file-unknown', ''],
    [['config', 'edit', 'README/x'], 'file-unknown', ''],
    [['config', 'log', '../x'], 'file-unknown', ''],
    [['config', 'log', 'system/bot.conf'], 'file-unknown', 'did you mean system/boot.conf?'],
    [['config', 'undo'], 'undo-first', '--remove'],
    [['config', 'set', 'boot', '{ image: x }'], 'setting-unknown', 'statectl config edit system/boot.conf'],
    [['config', 'set', 'boot.image', '*x'], 'value-invalid', ''],
    [['config', 'set', 'boot.arguments', '!replace [a]'], 'value-invalid', 'config edit'],
    [['config', 'explain', 'server.trise'], 'setting-unknown', 'did you mean server.tries?'],
    [['config', 'schema', 'nonsense'], 'schema-unknown', ''],
    [['node', 'add', 'print[01-24]'], 'node-known', ''],
    [['node', 'add', ''], 'node-invalid', ''],
    [['node', 'set', 'print13', 'boot.image', 'a'], 'node-shared', '--all'],
    [['config', 'set', 'boot.image', 'a', '--in', 'nodes/../../x.conf'], 'file-unknown', ''],
    [['config', 'set', 'boot.image', 'a', '--in', 'nodes/sub/x.conf'], 'file-unknown', ''],
    [['config', 'set', 'boot.image', 'a', '--in', 'nodes/klippr.conf'], 'file-unknown', 'nodes/klipper.conf'],
    [['node', 'render', 'print01', '/etc/nothing'], 'file-unknown', 'it gets /etc/motd'],
  ])('%j is refused, and nothing is written', async (words, code, hint) => {
    put('nodes/print-01-24.conf', '# here\nnode: other\n');
    const before = Object.keys(NODES).map(text);
    await expect(run(...words)).rejects.toMatchObject({ code, ...(hint && { hint: expect.stringContaining(hint) }) });
    expect(Object.keys(NODES).map(text)).toEqual(before);
  });

  it.each(['abc', '0', '-1', '1e3'])('config log --limit %s is a usage error', async (limit) => {
    expect((await run('config', 'log', '--limit', limit)).status).toBe(2);
  });
});
