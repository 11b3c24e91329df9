import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { cutUtf8 } from '../../../src/host/linux/console.ts';

const module = new URL('../../../src/host/linux/console.ts', import.meta.url).href;

/** Standard error of a program that has a console as `line`. */
const stderrOf = (script: string, options = '{}', stderr: 'pipe' | number = 'pipe') =>
  spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { linuxConsole } from '${module}'; const { line } = linuxConsole(${options}); ${script}`,
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', stderr] },
  );

it('cuts a line at a whole character', () => {
  expect(cutUtf8('abc', 3)).toBe('abc');
  expect(cutUtf8('aé€😀', 2)).toBe('a');
  expect(cutUtf8('aé€😀', 3)).toBe('aé');
  expect(cutUtf8('aé€😀', 9)).toBe('aé€');
  expect(cutUtf8('aé€😀', 10)).toBe('aé€😀');
});

it('shows what matters enough, one prefix per line, those after the first indented, and no control characters', () => {
  const { stderr } = stderrOf("line('debug', 'no'); line('info', 'two\\nlines'); line('error', 'red \\x1b[31m');");
  expect(stderr).toBe('statectl: two\nstatectl:   lines\nstatectl: red \\x1b[31m\n');
  expect(stderrOf("line('info', 'no'); line('error', 'yes');", "{ stderr: 'error' }").stderr).toBe('statectl: yes\n');
  expect(stderrOf("line('error', 'no');", "{ stderr: 'never' }").stderr).toBe('');
});

it('goes on without a console', () => {
  const { stdout, status } = stderrOf(
    "import { closeSync } from 'node:fs'; closeSync(2); line('error', 'lost'); process.stdout.write('went on');",
  );
  expect({ stdout, status }).toEqual({ stdout: 'went on', status: 0 });
});
