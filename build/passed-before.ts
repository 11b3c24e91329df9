import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { execa } from 'execa';
import type { Reporter, TestModule } from 'vitest/node';

interface Counts {
  readonly passed: number;
  readonly skipped: number;
}

/** What every file of this checkout says, whether committed or not; undefined where git knows no list of them. */
export async function treeDigest(folder: string): Promise<string | undefined> {
  // Under sudo the checkout is another's; to list names is all that git does here.
  const list = ['-c', 'safe.directory=*', 'ls-files', '-coz', '--exclude-standard'];
  const { stdout, failed } = await execa('git', list, { cwd: folder, reject: false });
  if (failed) return undefined;
  const hash = createHash('sha256');
  for (const name of [...new Set(stdout.split('\0'))].filter(Boolean).toSorted())
    hash.update(
      `${name}\0${createHash('sha256')
        .update(contentOf(`${folder}/${name}`))
        .digest('hex')}\n`,
    );
  return hash.digest('hex');
}

/** A file of the list may be gone. */
function contentOf(path: string): string | Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? '';
  }
}

/**
 * The test files that passed on this very tree, kept in a file: a long run that was interrupted, or of which one file failed,
 * goes on with the others. Of another tree nothing is kept.
 */
export class PassedBefore implements Reporter {
  readonly files: Map<string, Counts>;
  readonly #path: string;
  readonly #tree: string | undefined;

  constructor(path: string, tree: string | undefined) {
    this.#path = path;
    this.#tree = tree;
    this.files = new Map(tree === undefined ? [] : Object.entries(read(path, tree)));
  }

  onTestModuleEnd(module: Pick<TestModule, 'moduleId' | 'children' | 'ok'>): void {
    if (this.#tree === undefined || !module.ok()) return;
    const states = [...module.children.allTests()].map((test) => test.result().state);
    const count = (state: string) => states.filter((one) => one === state).length;
    // Of an interrupted file some tests have not run.
    if (count('pending') > 0) return;
    this.files.set(relative('.', module.moduleId), { passed: count('passed'), skipped: count('skipped') });
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(this.#path, JSON.stringify({ tree: this.#tree, files: Object.fromEntries(this.files) }));
  }
}

function read(path: string, tree: string): Readonly<Record<string, Counts>> {
  try {
    const kept = JSON.parse(readFileSync(path, 'utf8')) as { tree?: string; files?: Record<string, Counts> };
    return kept.tree === tree ? (kept.files ?? {}) : {};
  } catch {
    // None is there, or a power cut left half of one.
    return {};
  }
}
