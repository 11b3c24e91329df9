import assert from 'node:assert/strict';
import type { Program } from '../../../src/host/memory/exec.ts';
import type { Sentence } from '../suite.ts';

/** The scripts that the sentences give to `sh -c`, and what the memory host's `sh` makes of each. */
const SCRIPTS: Readonly<Record<string, Program>> = {
  'echo out; echo err >&2; exit 3': () => ({ stdout: 'out\n', stderr: 'err\n', exitCode: 3 }),
  'echo one; sleep 0.2; echo two >&2': () => ({ stdout: 'one\n', stderr: 'two\n' }),
  cat: (_argv, input) => input,
  'kill -9 $$': () => ({ exitCode: 137 }),
  'echo "$COLOUR${PATH:+ and the PATH}"': (_argv, _input, { env }) => `${env?.COLOUR} and the PATH\n`,
  'id -u; id -G; echo "$COLOUR$SHLVL_OF_OURS"': (_argv, _input, { as, env }) =>
    `${as?.uid}\n${as?.gid}\n${env?.COLOUR}\n`,
  pwd: (_argv, _input, { cwd }) => `${cwd}\n`,
  '(sleep 0.4; : > escaped) & sleep 60': () => ({ tookMs: 60_000 }),
  'setsid sleep 5 & echo started': () => 'started\n',
};

export const contractShell: Program = (argv, input, options) => SCRIPTS[argv[2] ?? '']?.(argv, input, options);

const sh = (script: keyof typeof SCRIPTS): readonly string[] => ['sh', '-c', script];

export const execSentences: readonly Sentence[] = [
  {
    title: 'exec: exit code, output and error output come back as they are',
    async check({ host: { exec } }) {
      const result = await exec.run(sh('echo out; echo err >&2; exit 3'));
      assert.deepEqual(result, { exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
    },
  },
  {
    title: 'exec: who listens hears both outputs as they come, and the standard output is not kept',
    async check({ host: { exec } }) {
      const heard: string[] = [];
      const onOutput = (text: string) => void heard.push(text);
      const result = await exec.run(sh('echo one; sleep 0.2; echo two >&2'), { onOutput });
      assert.deepEqual(heard, ['one\n', 'two\n']);
      assert.deepEqual(result, { exitCode: 0, stdout: '', stderr: 'two\n' });
    },
  },
  {
    title: 'exec: input goes to the standard input, which is empty without',
    async check({ host: { exec } }) {
      assert.equal((await exec.run(sh('cat'), { input: 'text' })).stdout, 'text');
      assert.equal((await exec.run(sh('cat'), { input: Buffer.from('bytes') })).stdout, 'bytes');
      assert.equal((await exec.run(sh('cat'))).stdout, '');
    },
  },
  {
    title: 'exec: a program killed by a signal exits with 128 and its number',
    async check({ host: { exec } }) {
      assert.equal((await exec.run(sh('kill -9 $$'))).exitCode, 137);
    },
  },
  {
    title: 'exec: env adds to the environment, cwd is where it starts',
    async check({ host: { exec }, dir }) {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, not ours
      const { stdout } = await exec.run(sh('echo "$COLOUR${PATH:+ and the PATH}"'), { env: { COLOUR: 'green' } });
      assert.equal(stdout, 'green and the PATH\n');
      assert.equal((await exec.run(sh('pwd'), { cwd: dir })).stdout, `${dir}\n`);
    },
  },
  {
    title: 'exec: a program of another account has that one’s rights alone, and nothing of our environment',
    async check({ host: { exec } }) {
      process.env.SHLVL_OF_OURS = 'secret';
      const as = { uid: 54_321, gid: 54_322 };
      const { stdout } = await exec.run(sh('id -u; id -G; echo "$COLOUR$SHLVL_OF_OURS"'), {
        as,
        env: { COLOUR: 'green' },
      });
      delete process.env.SHLVL_OF_OURS;
      assert.equal(stdout, '54321\n54322\ngreen\n');
    },
  },
  {
    title: 'exec: a missing program is program-missing, and the hint names it',
    async check({ host: { exec } }) {
      await assert.rejects(exec.run(['no-such-program', '-x']), { code: 'program-missing', hint: /"no-such-program"/ });
      await assert.rejects(exec.run(['/nowhere/program']), { code: 'program-missing' });
    },
  },
  {
    title: 'exec: a program that takes too long is program-timeout, and ends with its children',
    async check({ host: { exec, clock, files }, dir }) {
      const startMs = clock.uptimeMs();
      const run = exec.run(sh('(sleep 0.4; : > escaped) & sleep 60'), { cwd: dir, timeoutMs: 150 });
      await assert.rejects(run, { code: 'program-timeout', hint: /sleep 60/ });
      const tookMs = clock.uptimeMs() - startMs;
      assert.ok(tookMs >= 149 && tookMs < 3000, `took ${tookMs} ms`);
      await clock.sleep(500);
      assert.deepEqual(await files.list(dir), []);
    },
  },
  {
    title: "exec: an abort ends the program and throws the signal's reason",
    async check({ host: { exec, clock }, dir }) {
      const abort = new AbortController();
      const run = exec.run(sh('(sleep 0.4; : > escaped) & sleep 60'), { cwd: dir, signal: abort.signal });
      void clock.sleep(100).then(() => abort.abort());
      await assert.rejects(run, { name: 'AbortError' });
      await assert.rejects(exec.run(sh('cat'), { signal: abort.signal }), { name: 'AbortError' });
      const why = new Error('enough');
      await assert.rejects(exec.run(sh('cat'), { signal: AbortSignal.abort(why) }), why);
    },
  },
  {
    title: 'exec: a daemon that keeps the pipes open does not hold up its starter',
    async check({ host: { exec, clock } }) {
      const startMs = clock.uptimeMs();
      assert.equal((await exec.run(sh('setsid sleep 5 & echo started'))).stdout, 'started\n');
      assert.ok(clock.uptimeMs() - startMs < 4000);
    },
  },
];
