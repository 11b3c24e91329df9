import { readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { execa } from 'execa';

/** The page that has, among what people say of them, the figures that benches wrote. */
export const FIGURES = 'docs/design/figures.md';

export type BenchName = 'bench' | `bench:${'config' | 'servers' | 'abuse' | 'outage' | 'print' | 'volume'}`;

/** Of which run figures are: they compare within one alone. Says nothing of whose machine it was, and where. */
export interface Run {
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
}

/** Prints what a bench found; with `--write` among the words of its call it goes into the page too. */
export async function publish(name: BenchName, text: string): Promise<void> {
  process.stdout.write(text);
  if (!process.argv.includes('--write')) return;
  await writeFile(FIGURES, withFigures(await readFile(FIGURES, 'utf8'), name, text, await thisRun()));
  process.stderr.write(`${name}: written into ${FIGURES}\n`);
}

/** The page with these figures between the markers of their bench. Throws where it has no such place. */
export function withFigures(page: string, name: BenchName, text: string, run: Run): string {
  const [begin, end] = markersOf(name);
  const [before, rest, ...more] = page.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(`${FIGURES} has not one ${begin} and ${end} for what ${name} found`);
  const { date, commit, machine } = run;
  const shown = `On ${date}, at ${commit}: ${machine}.\n\n\`\`\`\n${text.replace(/^\n+|\s+$/g, '')}\n\`\`\``;
  return `${before}${begin}\n${shown}\n${end}${after.startsWith('\n') ? '' : '\n'}${after}`;
}

export const markersOf = (name: BenchName): readonly [begin: string, end: string] => [
  `<!-- made by \`npm run ${name} -- --write\` -->`,
  `<!-- end of ${name} -->`,
];

async function thisRun(): Promise<Run> {
  const git = async (...words: readonly string[]) => (await execa('git', words)).stdout.trim();
  const changed = await git('status', '--porcelain', '--untracked-files=no', '--', '.', `:!${FIGURES}`);
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: `${await git('rev-parse', '--short=7', 'HEAD')}${changed === '' ? '' : ' with changes'}`,
    machine: `${cpus().length} × ${cpus()[0]?.model}, ${(totalmem() / 2 ** 30).toFixed(1)} GiB, Node ${process.version.slice(1)}`,
  };
}
