import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { holdLock } from '../../host/lock.ts';
import { configInvalid, formatFault } from '../fault.ts';
import { type Author, fastImport } from './fast-import.ts';
import { Git } from './git.ts';
import { type FaultOfNodes, goodPart } from './good-part.ts';
import { differences, type Snapshot, takeSnapshot } from './snapshot.ts';
import { mergeTexts } from './three-way.ts';

export type HistoryHost = Pick<Host, 'files' | 'exec' | 'clock'>;

/** All faults of a whole config.d; none: machines may get it. */
export type Check = (snapshot: Snapshot) => Promise<readonly FaultOfNodes[]>;

/** Machines get this commit: the last one that was checked as a whole. */
const CHECKED = 'refs/statectl/checked';

export interface Revision {
  readonly id: string;
  readonly author: string;
  /** ISO 8601. */
  readonly time: string;
  readonly message: string;
  readonly files: readonly string[];
}

export interface Settled {
  /**
   * `edited`: somebody's edits were good and are committed now; `faulty`: machines get `revision`, in which the faulty files
   * are as they were.
   */
  readonly state: 'clean' | 'edited' | 'faulty';
  /** What machines get; absent where nothing was ever good. */
  readonly revision?: string;
  readonly files: readonly string[];
  readonly faults: readonly FaultOfNodes[];
  /** Where only files of some nodes are at fault: all as it is, with what is held back. */
  readonly heldBack?: { readonly snapshot: Snapshot; readonly held: readonly string[] };
}

/** Parts of a path that stay below the folder, and that nobody overlooks. */
const isFileName = (name: string): boolean => name.split('/').every((part) => /^[^.\0][^\0]*$/.test(part));

/** config.d's own git repository, in `config.d/.git`: made on first need. */
export class History {
  readonly #host: HistoryHost;
  readonly #dir: string;
  readonly #git: Git;

  constructor(host: HistoryHost, dir: string) {
    this.#host = host;
    this.#dir = dir;
    this.#git = new Git(host, dir);
  }

  /**
   * Looks at the files: an edit by any editor is checked as a whole and committed under the name of the file's owner, or
   * reported and not served.
   */
  async settle(check: Check): Promise<Settled> {
    await using _lock = await this.#lock();
    return this.#settle(check);
  }

  async #settle(check: Check): Promise<Settled> {
    const head = await this.#head();
    const checked = await this.#git.ask(['rev-parse', '--verify', '--quiet', CHECKED]);
    const { snapshot, faults: bad } = await takeSnapshot(this.#host, this.#dir);
    const old: Snapshot = head === undefined ? new Map() : await this.read(head);
    const files = differences(old, snapshot);
    const served = checked === undefined ? {} : { revision: checked };
    if (bad.length > 0) return { state: 'faulty', ...served, files, faults: bad };
    if (files.length === 0 && head !== undefined && head === checked)
      return { state: 'clean', revision: head, files, faults: [] };
    const faults = await check(snapshot);
    if (faults.length > 0) {
      // A faulty commit is a person's own: nothing is put over it.
      const part = head === checked ? await goodPart(snapshot, old, faults, check) : undefined;
      if (part === undefined) return { state: 'faulty', ...served, files, faults };
      const revision = await this.#commitEdits(head, old, part.snapshot);
      return { state: 'faulty', ...(revision && { revision }), files, faults, heldBack: { snapshot, held: part.held } };
    }
    if (files.length === 0 && head !== undefined) {
      await this.#git.run(['update-ref', CHECKED, head]);
      return { state: 'clean', revision: head, files, faults: [] };
    }
    return { state: 'edited', revision: await this.#commitEdits(head, old, snapshot), files, faults: [] };
  }

  /** Under the name of who owns the first file. Absent where nothing was ever committed, and nothing is there. */
  async #commitEdits(head: string | undefined, old: Snapshot, next: Snapshot): Promise<string | undefined> {
    const files = differences(old, next);
    if (files.length === 0) return head;
    const author = await this.#ownerOf(files);
    const message =
      head === undefined ? 'As it was found' : `Edited: ${files.slice(0, 5).join(', ')}${files.length > 5 ? ' …' : ''}`;
    return this.#commit(head, next, author, message);
  }

  /**
   * Writes one file and commits it. Refused: `config-changed` when the file is not what `before` was read, `config-invalid`
   * when the whole would not be right then. Other files' edits are committed first, so that each keeps its author.
   */
  async write(
    name: string,
    change: { readonly before: string | undefined; readonly after: string | undefined },
    { author, message, check }: { readonly author: Author; readonly message: string; readonly check: Check },
  ): Promise<string> {
    if (!isFileName(name))
      throw new StatectlError('file-unknown', `${JSON.stringify(name)} is no file of config.d`, {
        hint: 'write it as system/boot.conf or nodes/print.conf: below config.d, nothing hidden, no `..`',
      });
    await using _lock = await this.#lock();
    // What somebody broke with an editor may be mended by this very change: only what comes of it must be right.
    const settled = await this.#settle(check);
    const { snapshot } = await takeSnapshot(this.#host, this.#dir);
    if (snapshot.get(name) !== change.before)
      throw new StatectlError('config-changed', `${name} changed meanwhile; nothing was written`, {
        hint: `look at it with \`statectl config log ${name}\`, and do your change again`,
      });
    if (change.after === change.before && settled.state !== 'faulty') return settled.revision as string;
    const next = new Map(snapshot);
    if (change.after === undefined) next.delete(name);
    else next.set(name, change.after);
    const good = await this.#goodAfter(next, [name], settled, check);
    await this.#put(name, change.after);
    return this.#commit(await this.#head(), good, author, message);
  }

  /** What to commit after a change of these files: without those that were held back before. Throws `config-invalid`. */
  async #goodAfter(next: Snapshot, changed: readonly string[], settled: Settled, check: Check): Promise<Snapshot> {
    const faults = await check(next);
    if (faults.length === 0) return next;
    const known = new Set(settled.faults.map(formatFault));
    const isNew = faults.some((fault) => !known.has(formatFault(fault)));
    const head = await this.#head();
    const part = isNew || head === undefined ? undefined : await goodPart(next, await this.read(head), faults, check);
    if (part === undefined || part.held.some((name) => changed.includes(name))) throw configInvalid(faults);
    return part.snapshot;
  }

  /** The newest first. */
  async log({
    limit = 20,
    path,
  }: {
    readonly limit?: number;
    readonly path?: string;
  } = {}): Promise<readonly Revision[]> {
    if ((await this.#head()) === undefined) return [];
    const format = '--format=%x01%H%x02%an%x02%aI%x02%B%x02';
    const paths = path === undefined ? [] : ['--', path];
    const text = await this.#git.run([
      'log',
      `-${limit}`,
      '--name-only',
      '-z',
      '--no-show-signature',
      format,
      ...paths,
    ]);
    return text
      .split('\u0001')
      .filter(Boolean)
      .map((entry) => {
        const [id = '', author = '', time = '', message = '', names = ''] = entry.split('\u0002');
        return { id, author, time, message: message.trim(), files: names.split(/[\0\n]/).filter(Boolean) };
      });
  }

  /** The commit that a person names: HEAD, HEAD~1, part of an id, `deployed`. Throws `revision-unknown`. */
  async resolve(name: string): Promise<string> {
    const id = await this.#git.ask([
      'rev-parse',
      '--verify',
      '--quiet',
      '--end-of-options',
      `${name === 'deployed' ? CHECKED : name}^{commit}`,
    ]);
    if (id) return id;
    throw new StatectlError('revision-unknown', `there is no revision ${name}`, {
      hint: '`statectl config log` names them',
    });
  }

  /** All texts of a revision. */
  async read(revision: string): Promise<Snapshot> {
    const listed = await this.#git.run(['ls-tree', '-r', '-z', '--full-tree', revision]);
    const entries = listed.split('\0').flatMap((line) => {
      const [, id, name] = /^100\d{3} blob ([0-9a-f]+)\t(.+)$/s.exec(line) ?? [];
      return id && name ? [{ id, name }] : [];
    });
    const bytes = Buffer.from(
      await this.#git.run(['cat-file', '--batch'], entries.map(({ id }) => `${id}\n`).join('')),
    );
    const snapshot = new Map<string, string>();
    let at = 0;
    for (const { id, name } of entries) {
      const line = bytes.indexOf('\n', at);
      const [, size] = /^[0-9a-f]+ blob (\d+)$/.exec(bytes.toString('latin1', at, line)) ?? [];
      if (line < 0 || size === undefined)
        throw new StatectlError('git-failed', `${name} (${id}) cannot be read: is it text?`);
      snapshot.set(name, bytes.toString('utf8', line + 1, line + 1 + Number(size)));
      at = line + 1 + Number(size) + 1;
    }
    return snapshot;
  }

  /** Takes a change back by a new commit. Throws `undo-conflict` where later changes touch the same lines. */
  async undo(name: string, { author, check }: { readonly author: Author; readonly check: Check }): Promise<string> {
    await using _lock = await this.#lock();
    const settled = await this.#settle(check);
    const revision = await this.resolve(name);
    const parent = await this.#git.ask(['rev-parse', '--verify', '--quiet', `${revision}^`]);
    if (!parent)
      throw new StatectlError(
        'undo-first',
        `${revision.slice(0, 12)} is the first revision: there is nothing before it`,
      );
    const [before, after] = [await this.read(parent), await this.read(revision)];
    const { snapshot } = await takeSnapshot(this.#host, this.#dir);
    const next = new Map(snapshot);
    const touched = differences(before, after);
    for (const file of touched) {
      const merged = await mergeTexts(this.#host, `${this.#dir}/.git/statectl-merge`, {
        ours: snapshot.get(file),
        base: after.get(file),
        theirs: before.get(file),
      });
      if (merged === 'conflict')
        throw new StatectlError(
          'undo-conflict',
          `${file} was changed at the same lines since ${revision.slice(0, 12)}; nothing was undone`,
          {
            hint: `see them with: statectl config log ${file}; undo those first, or edit the file`,
          },
        );
      if (merged === undefined) next.delete(file);
      else next.set(file, merged);
    }
    const good = await this.#goodAfter(next, touched, settled, check);
    for (const file of touched) await this.#put(file, next.get(file));
    const [undone] = await this.log({ limit: 1 }).then((log) => log.filter(({ id }) => id === revision));
    const title = (undone?.message ?? revision.slice(0, 12)).split('\n')[0];
    return this.#commit(await this.#head(), good, author, `Undo: ${title}`);
  }

  /** Makes the repository on first need. */
  async #lock(): Promise<AsyncDisposable> {
    const { files } = this.#host;
    if ((await files.stat(`${this.#dir}/.git`)) === undefined)
      await this.#git.run(['init', '--quiet', '--initial-branch=main', '--template=']);
    return holdLock(this.#host, `${this.#dir}/.git/statectl.lock`, `changing ${this.#dir}`);
  }

  async #head(): Promise<string | undefined> {
    return (await this.#git.ask(['rev-parse', '--verify', '--quiet', 'HEAD'])) || undefined;
  }

  /** One process, no filters, no hooks: the commit holds exactly these texts. */
  async #commit(parent: string | undefined, snapshot: Snapshot, author: Author, message: string): Promise<string> {
    const ref = (await this.#git.ask(['symbolic-ref', '--quiet', 'HEAD'])) ?? 'refs/heads/main';
    const old = parent === undefined ? new Map<string, string>() : await this.read(parent);
    const time = this.#host.clock.now();
    await this.#git.run(
      ['fast-import', '--quiet', '--date-format=raw'],
      fastImport({ ref, parent, old, next: snapshot, author, message, timeMs: time }),
    );
    // So that a person's own `git status` there is right; it writes no file.
    await this.#git.run(['read-tree', 'HEAD']);
    const id = (await this.#head()) as string;
    await this.#git.run(['update-ref', CHECKED, id]);
    return id;
  }

  async #put(name: string, text: string | undefined): Promise<void> {
    const path = `${this.#dir}/${name}`;
    if (text === undefined) return this.#host.files.remove(path);
    await this.#host.files.mkdir(path.slice(0, path.lastIndexOf('/')), 0o755);
    try {
      const mode = (await this.#host.files.stat(path))?.mode ?? 0o644;
      await this.#host.files.write(path, text, { mode });
    } catch (cause) {
      throw new StatectlError('config-unwritable', `${path} cannot be written: ${reasonOf(cause)}`, { cause });
    }
  }

  async #ownerOf(files: readonly string[]): Promise<Author> {
    const [first = ''] = files;
    const uid = (await this.#host.files.stat(`${this.#dir}/${first}`))?.uid;
    const passwd = await this.#host.files.readText('/etc/passwd').catch(() => '');
    const name = passwd
      .split('\n')
      .find((line) => line.split(':')[2] === String(uid))
      ?.split(':')[0];
    return { name: name ?? (uid === undefined ? 'unknown' : `uid ${uid}`) };
  }
}
