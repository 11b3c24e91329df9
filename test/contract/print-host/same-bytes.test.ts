import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { AUTOSAVE_HEADER, loadConfig } from '../../fixtures/print-host/config-autosave.ts';
import { CHECKOUTS, PYTHON } from '../../fixtures/print-host/programs.ts';
import { loadVariables } from '../../fixtures/print-host/saved-variables.ts';

interface Job {
  readonly files: Readonly<Record<string, string>>;
  readonly set: readonly (readonly string[])[];
  readonly remove: readonly string[];
  readonly kind: 'save_config' | 'save_variables';
}

/** What is there afterwards, by name, the date of a backup left out; and whether it was refused. */
interface Outcome {
  readonly files: Readonly<Record<string, string>>;
  readonly refused: boolean;
}

const home = mkdtempSync(join(tmpdir(), 'same-bytes-'));
afterAll(() => rmSync(home, { recursive: true }));
let count = 0;

async function outcomeOf(job: Job, act: (path: string) => Promise<boolean> | boolean): Promise<Outcome> {
  count += 1;
  const folder = join(home, String(count));
  for (const [name, text] of Object.entries(job.files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  mkdirSync(folder, { recursive: true });
  const refused = await act(join(folder, job.kind === 'save_config' ? 'printer.cfg' : 'variables.cfg'));
  const names = (readdirSync(folder, { recursive: true }) as string[]).filter((name) => /\.\w+$/.test(name)).sort();
  const files = names.map((name) => [name.replace(/-\d{8}_\d{6}/, '-DATE'), readFileSync(join(folder, name), 'utf8')]);
  rmSync(folder, { recursive: true });
  return { files: Object.fromEntries(files), refused };
}

const simulated = (job: Job) =>
  outcomeOf(job, (path) => {
    try {
      if (job.kind === 'save_config') {
        const config = loadConfig(path);
        for (const [section = '', option = '', value = ''] of job.set) config.set(section, option, value);
        for (const section of job.remove) config.removeSection(section);
        config.save();
      } else {
        const variables = loadVariables(path);
        for (const [name = '', literal = ''] of job.set) variables.save(name, literal);
      }
      return false;
    } catch {
      return true;
    }
  });

const name = fc.stringMatching(/^[a-z][a-z_]{0,5}$/);
const line = fc.oneof(
  fc.constantFrom(
    '[probe]',
    '[stepper_z]',
    '[skew a]',
    '[include macros/*.cfg]',
    '[include own.cfg]',
    '# z_offset: 1',
    '',
  ),
  fc.constantFrom(
    'z_offset: 1.5',
    'z_offset = 2 # why',
    '  more',
    '\tmore ; no',
    'points =',
    'Position: 3;x',
    ';z: 1',
    'z:1#2',
  ),
  fc.constantFrom('#*# [probe]', '[stepper_z] # a', '  [probe]', 'a b: 1', 'points:', 'x', 'Z_OFFSET: 0\r'),
);
const text = (max: number) => fc.array(line, { maxLength: max }).map((lines) => `${lines.join('\n')}\n`);
const block = fc.oneof(
  fc.constantFrom(
    '',
    AUTOSAVE_HEADER,
    `${AUTOSAVE_HEADER}#*# [probe]\n#*# z_offset = 2.25\n`,
    `${AUTOSAVE_HEADER}#*# [probe]\n#*# z_offset = 1\nmine\n`,
  ),
  fc.constantFrom(
    `${AUTOSAVE_HEADER}#*# [bed_mesh a]\n#*# version = 1\n#*# points =\n#*# \t  0.1, 0.2\n#*# \t  0.3, 0.4\n#*#\n#*# [skew a]\n#*# position = 0\n`,
    `${AUTOSAVE_HEADER}#*#[probe]\n`,
  ),
);
const setting = fc.tuple(
  fc.constantFrom('probe', 'stepper_z', 'skew a', 'skew b'),
  fc.constantFrom('z_offset', 'position', 'points', 'pid_Kp'),
  fc.constantFrom('0.250', '1', '\n  0.1, 0.2\n  0.3, 0.4', 'a = b', ''),
);
const configJob: fc.Arbitrary<Job> = fc.record({
  kind: fc.constant('save_config' as const),
  files: fc.record({
    'printer.cfg': fc.tuple(text(12), block).map((parts) => parts.join('')),
    'own.cfg': text(4),
    'macros/a.cfg': text(4),
  }),
  set: fc.array(setting, { maxLength: 4 }),
  remove: fc.array(fc.constantFrom('probe', 'bed_mesh a'), { maxLength: 1 }),
});

const char = fc.oneof(
  fc.string({ minLength: 1, maxLength: 1 }),
  fc.constantFrom('é', '°', '\u200b', '\u00a0', '语', '\x7f', '\t', '🦆'),
);
const quoted = fc
  .string({ maxLength: 8, unit: char })
  .chain((value) => fc.constantFrom(`'${value.replaceAll(/['\\\n\r]/g, '\\$&')}'`, JSON.stringify(value)));
const { literal } = fc.letrec<{ literal: string }>((tie) => ({
  literal: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(
      fc.integer().map(String),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => String(value)),
      fc.constantFrom(
        'True',
        'False',
        'None',
        '-0',
        '0x1F',
        '1_000',
        '1.',
        '.5',
        '1e22',
        '1e-5',
        '123456789012345678',
        '-0.0',
        '007',
      ),
      quoted,
    ),
    fc.array(tie('literal'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
    fc.array(tie('literal'), { maxLength: 3 }).map((items) => `(${items.join(' , ')})`),
    fc
      .array(fc.tuple(quoted, tie('literal')), { maxLength: 3 })
      .map((items) => `{${items.map((pair) => pair.join(':')).join(',')}}`),
    fc.constantFrom('T3', '[1,', '"50%"', "'50%%'", '{}', '{1}', '()', '(1,)', 'b', '1 2', '', "'a' 'b'"),
  ),
}));
const variablesJob: fc.Arbitrary<Job> = fc.record({
  kind: fc.constant('save_variables' as const),
  files: fc.constantFrom<Record<string, string>>(
    ...[{}, { 'variables.cfg': '' }, { 'variables.cfg': '[Variables]\ntool = 1\nlong = [1,\n\t2]\n\n' }],
    ...[
      { 'variables.cfg': '[variables]\na = 1\n' },
      { 'variables.cfg': '[Variables]\na = 1\na = 2\n' },
      { 'variables.cfg': 'a\n' },
    ],
  ),
  set: fc.array(fc.tuple(fc.oneof(name, fc.constantFrom('Tool', 'tool', 'a b')), literal), { maxLength: 3 }),
  remove: fc.constant([]),
});

describe('what a printer writes', () => {
  test('is read again as it was meant', async () => {
    const job: Job = {
      ...{ kind: 'save_config', remove: [], set: [['probe', 'z_offset', '2.250']] },
      files: {
        'printer.cfg': `[probe]\n# mine\nz_offset: 1.5 # by hand\n${AUTOSAVE_HEADER}#*# [bed_mesh a]\n#*# points =\n#*# \t  0.1, 0.2\n`,
      },
    };
    const { files } = await simulated(job);
    expect(files['printer.cfg']).toBe(
      `[probe]\n# mine\n#z_offset: 1.5 # by hand\n${AUTOSAVE_HEADER}#*# [bed_mesh a]\n#*# points =\n#*# \t0.1, 0.2\n#*#\n#*# [probe]\n#*# z_offset = 2.250\n`,
    );
    expect(await simulated({ ...job, set: [], files })).toMatchObject({
      files: { 'printer.cfg': files['printer.cfg'] },
    });
  });

  for (const checkout of CHECKOUTS.klipper ? [CHECKOUTS.klipper] : []) {
    const python = spawn(
      PYTHON,
      [join(import.meta.dirname, '../../fixtures/print-host/real-classes.py'), join(checkout, 'klippy')],
      {
        env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    const answers = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
    afterAll(() => void python.kill());
    const real = (job: Job) =>
      outcomeOf(job, async (path) => {
        python.stdin.write(`${JSON.stringify({ [job.kind]: path, set: job.set, remove: job.remove })}\n`);
        return 'error' in JSON.parse((await answers.next()).value ?? '{}');
      });
    test.each([
      ['SAVE_CONFIG', configJob],
      ['SAVE_VARIABLE', variablesJob],
    ])('of %s is byte for byte what the real Klipper writes', async (_, jobs) => {
      await fc.assert(
        fc.asyncProperty(jobs, async (job) => {
          expect(await simulated(job)).toEqual(await real(job));
        }),
        { numRuns: 600 },
      );
    });
  }
});
