/** What the agent and this process leave for each other, by node:fs: it is of root, in RAM, and each change is one rename. */
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { recordOrNone } from '../host/record.ts';
import { readSaid } from '../protocol/read-answer.ts';
import { CACHE_ID, CacheAgent, CacheAnswer, CacheIndex, type CacheName, CacheWish } from '../protocol/state/cache.ts';
import type { NodeLine } from './union/nodes.ts';

/** A line of the journal: what the kernel was told of, or what was written since the index was made. */
export interface JournalLine {
  readonly node?: NodeLine;
  readonly changed?: string;
}

export interface CacheSpool {
  index(): CacheIndex;
  /** Whether whoever brings files runs, does no more, or did not begin yet in this boot. */
  agent(): 'runs' | 'ended' | 'not yet';
  want(id: string, wish: CacheName & { readonly unique: bigint }): void;
  unwant(id: string): void;
  /** Answers that came, each once. */
  answers(): readonly { readonly id: string; readonly fault?: string }[];
  /** Requests that whoever served before let wait; each is said once. */
  waiting(): readonly bigint[];
  /** Up to which number it may have read requests. */
  seen(): bigint | undefined;
  see(to: bigint): void;
  /** What whoever served before wrote down; none: nobody did. */
  journal(): readonly JournalLine[];
  append(line: JournalLine): void;
  /** Begins the journal anew, with these. */
  rewrite(lines: readonly JournalLine[]): void;
  watch(heard: { readonly index: () => void; readonly answers: () => void }): Disposable;
}

const textOrNone = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

export function cacheSpool(spool: string): CacheSpool {
  const [want, answers] = [`${spool}/want`, `${spool}/answers`];
  const [journal, seen] = [`${spool}/journal`, `${spool}/seen`];
  for (const folder of [spool, want, answers]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  return {
    index: () => readSaid(textOrNone(`${spool}/index.json`) ?? '{"files":[]}', CacheIndex).value ?? { files: [] },
    agent() {
      const said = textOrNone(`${spool}/agent.json`);
      if (said === undefined) return 'not yet';
      const { value } = readSaid(said, CacheAgent);
      const stat = value && textOrNone(`/proc/${value.pid}/stat`);
      return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] === value?.started ? 'runs' : 'ended';
    },
    want(id, { path, version, unique }) {
      writeFileSync(`${want}/.${id}`, JSON.stringify({ path, version, unique: String(unique) }));
      renameSync(`${want}/.${id}`, `${want}/${id}`);
    },
    unwant: (id) => rmSync(`${want}/${id}`, { force: true }),
    answers: () =>
      readdirSync(answers)
        .filter((name) => CACHE_ID.test(name))
        .map((id) => {
          const { value } = readSaid(textOrNone(`${answers}/${id}`) ?? '', CacheAnswer);
          rmSync(`${answers}/${id}`, { force: true });
          rmSync(`${want}/${id}`, { force: true });
          return { id, ...(value?.fault !== undefined && { fault: value.fault }) };
        }),
    waiting: () =>
      readdirSync(want)
        .filter((name) => CACHE_ID.test(name))
        .flatMap((id) => {
          const { value } = readSaid(textOrNone(`${want}/${id}`) ?? '', CacheWish);
          rmSync(`${want}/${id}`, { force: true });
          return value ? [BigInt(value.unique)] : [];
        }),
    seen() {
      const text = textOrNone(seen) ?? '';
      return /^\d+$/.test(text) ? BigInt(text) : undefined;
    },
    see(to) {
      writeFileSync(`${seen}.new`, String(to));
      renameSync(`${seen}.new`, seen);
    },
    journal: () =>
      // One may be cut off: the kernel was not told of it then.
      (textOrNone(journal) ?? '').split('\n').flatMap((line) => recordOrNone<JournalLine>(line, {}) ?? []),
    // With an end before it: one that was cut off, as where this is full, takes none with it.
    append: (line) => appendFileSync(journal, `\n${JSON.stringify(line)}\n`),
    rewrite(lines) {
      try {
        writeFileSync(`${journal}.new`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
        renameSync(`${journal}.new`, journal);
      } catch (error) {
        rmSync(`${journal}.new`, { force: true });
        throw error;
      }
    },
    watch(heard) {
      const watchers = [
        watch(spool, (_, name) => void (name === 'index.json' && heard.index())),
        watch(answers, heard.answers),
      ];
      return {
        [Symbol.dispose]() {
          for (const watcher of watchers) watcher.close();
        },
      };
    },
  };
}
