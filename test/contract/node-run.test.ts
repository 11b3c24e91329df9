import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const NODE = join(import.meta.dirname, '../../node_modules/.bin/node');
const MAIN = join(import.meta.dirname, '../../src/main.ts');

/** Runs the command here, in the shell, as sshd does there; a machine that is off is one that has `off` in its name. */
const SSH = `#!/bin/sh
while [ "$1" != -- ]; do shift; done
node=$2; shift 2
case $node in *off*) echo "ssh: connect to host $node port 22: No route to host" >&2; exit 255 ;; esac
export node
# A machine that prints has its statectl here.
case $node$PRINTS in print3/*) set -- "$(echo "$*" | sed "s#/run/statectl/rt/statectl#$PRINTS#g")" ;; esac
exec \${LOGIN_SHELL:-sh} -c "$*"
`;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'statectl-node-run-'));
  await mkdir(join(dir, 'bin'));
  await writeFile(join(dir, 'bin/ssh'), SSH);
  await chmod(join(dir, 'bin/ssh'), 0o755);
  const says = 'locked: print-voron (klipper: prints), for a while';
  await writeFile(join(dir, 'prints'), `#!/bin/sh\n[ "$*" = "lock check" ] || exit 2\necho "${says}" >&2; exit 75\n`);
  await chmod(join(dir, 'prints'), 0o755);
  await mkdir(join(dir, 'config.d/nodes'), { recursive: true });
  await writeFile(join(dir, 'config.d/nodes/print.conf'), 'node: print[1-3]\ngroups: [klipper]\n');
  await writeFile(join(dir, 'config.d/nodes/off.conf'), 'node: off1\n');
  await writeFile(join(dir, 'config.d/nodes/klipper.conf'), 'group: klipper\n');
});
afterAll(() => rm(dir, { recursive: true }));

const startWith = (env: Record<string, string>, ...words: string[]) =>
  execa(NODE, [MAIN, 'node', 'run', '--config', join(dir, 'config.d'), '--state', join(dir, 'none'), ...words], {
    env: { PATH: `${dir}/bin:${process.env.PATH}`, ...env },
    reject: false,
  });
const start = (...words: string[]) => startWith({}, ...words);

describe('statectl node run', () => {
  it.each(['sh', 'bash'])(
    'runs nothing where a print is, in a login shell of %s, unless it is forced',
    async (shell) => {
      const env = { PRINTS: join(dir, 'prints'), LOGIN_SHELL: shell };
      const words = ['print[1,3]', '--json', '--', 'echo ran; exit 3'];
      const { stdout } = await startWith(env, ...words);
      expect(JSON.parse(stdout)).toMatchObject([
        { node: 'print1', exitCode: 3, stdout: 'ran\n' },
        {
          node: 'print3',
          failure: 'locked',
          firstLine: 'locked: print-voron (klipper: prints), for a while',
          stdout: '',
        },
      ]);
      const forced = await startWith(env, ...words.toSpliced(1, 0, '--force'));
      expect(JSON.parse(forced.stdout)).toMatchObject([{ exitCode: 3 }, { exitCode: 3, stdout: 'ran\n' }]);
      // One whose statectl cannot say whether it prints may need the command.
      const broken = await startWith({ ...env, PRINTS: '/bin/false' }, ...words);
      expect(JSON.parse(broken.stdout)).toMatchObject([{ exitCode: 3 }, { exitCode: 3 }]);
    },
  );

  it('runs a command of the shell on the nodes of a hostlist; one that fails is status 1', async () => {
    const { stdout, exitCode } = await start('print[1-2],off1', '--', 'echo "I am $node"; [ $node != print2 ]');
    expect(stdout.replace(/ \d\.\d /g, ' T ')).toBe(
      `NODE    EXIT  SECONDS  FIRST LINE
print1  0     T      I am print1
print2  1     T      I am print2
off1    255   T      ssh: connect to host off1 port 22: No route to host
2 of 3 failed: off1,print2`,
    );
    expect(exitCode).toBe(1);
  });

  it('takes a group, and gives JSON with each output kept apart', async () => {
    const { stdout, exitCode } = await start('--group', 'klipper', '--json', '--', 'echo out; echo err >&2');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject(
      [1, 2, 3].map((at) => ({ node: `print${at}`, exitCode: 0, stdout: 'out\n', stderr: 'err\n' })),
    );
  });

  it('takes all, as `node move` does: every node of config.d', async () => {
    const { stdout } = await start('all', '--json', '--', 'true');
    expect(JSON.parse(stdout).map(({ node }: { node: string }) => node)).toEqual([
      'off1',
      'print1',
      'print2',
      'print3',
    ]);
  });

  it('keeps what each printed in files', async () => {
    await start('print[1-2]', '--save', join(dir, 'saved'), '--', 'echo $node');
    expect(await readFile(join(dir, 'saved/print2.out'), 'utf8')).toBe('print2\n');
  });

  it.each([
    [['print[1-9]', '--', 'true'], /there is no node print\[4-9\]/, 1],
    [['--group', 'kliper', '--', 'true'], /did you mean klipper/, 1],
    [['print1'], /which command/, 2],
    [['print1', '--width', '0', '--', 'true'], /from 1 to 9999/, 2],
    [['print1', '--timeout', 'soon', '--', 'true'], /a time such as/, 2],
  ] as const)('refuses %j', async (words, said, status) => {
    const { stderr, exitCode } = await start(...words);
    expect(stderr).toMatch(said);
    expect(exitCode).toBe(status);
  });

  it('ends every one on Ctrl-C, with what they started, and says how far it came', async () => {
    const run = start('print[1-3]', '--width', '2', '--prefix', '--', 'echo "pid $$"; exec sleep 600');
    const pids: number[] = [];
    let text = '';
    let isStopped = false;
    for await (const chunk of run.stdout) {
      text += chunk;
      pids.splice(0, pids.length, ...[...text.matchAll(/: pid (\d+)/g)].map(([, pid]) => Number(pid)));
      if (pids.length < 2 || isStopped) continue;
      isStopped = true;
      run.kill('SIGINT');
    }
    const { exitCode } = await run;
    expect(exitCode).toBe(1);
    expect(text.match(/ stopped /g)).toHaveLength(3);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
