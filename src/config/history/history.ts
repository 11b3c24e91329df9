import { StatectlError } from '../../error.ts';
import { ownersHost } from '../../host/owners-host.ts';
import { configInvalid, faultAt, formatFault } from '../check/fault.ts';
import type { Author } from './fast-import.ts';
import { type FaultOfNodes, goodPart } from './good-part.ts';
import { type HistoryHost, Repository } from './repository.ts';
import { type LogOptions, type Revision, readLog, readRevision, revisionBefore } from './revisions.ts';
import { differences, type Snapshot, takeSnapshot } from './snapshot.ts';
import { mergeTexts } from './three-way.ts';

/** All faults of a whole config.d; none: machines may get it. */
export type Check = (snapshot: Snapshot) => Promise<readonly FaultOfNodes[]>;

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

/** Parts of a path that stay below the folder, and that nobody overlooks. Throws `file-unknown`. */
export function needsFileName(name: string): void {
  if (!name.split('/').every((part) => /^[^.\0][^\0]*$/.test(part)))
    throw new StatectlError('file-unknown', `${JSON.stringify(name)} is no file of config.d`, {
      hint: 'write it as system/boot.conf or nodes/print.conf: below config.d, nothing hidden, no `..`',
    });
}

/** config.d's own git repository, in `config.d/.git`: made on first need. */
export class History {
  readonly #host: HistoryHost;
  readonly #dir: string;
  readonly #repository: Repository;

  constructor(host: HistoryHost, dir: string) {
    // Its git and its files are worked on with the rights of whom they belong to.
    this.#host = ownersHost(host, dir);
    this.#dir = dir;
    this.#repository = new Repository(this.#host, dir);
  }

  /**
   * Looks at the files: an edit by any editor is checked as a whole and committed under the name of the file's owner, or
   * reported and not served.
   */
  async settle(check: Check): Promise<Settled> {
    await using _lock = await this.#repository.lock();
    // Without this `await` the lock would be given back before the work is done.
    return await this.#settle(check);
  }

  async #settle(check: Check): Promise<Settled> {
    const head = await this.#repository.head();
    const checkedRef = await this.#repository.checkedRef();
    const checked = await this.#repository.git.ask(['rev-parse', '--verify', '--quiet', checkedRef]);
    const { snapshot, faults: bad } = await takeSnapshot(this.#host, this.#dir);
    const old: Snapshot = head === undefined ? new Map() : await this.read(head);
    const files = differences(old, snapshot);
    const served = checked === undefined ? {} : { revision: checked };
    if (bad.length > 0) return { state: 'faulty', ...served, files, faults: bad };
    if (files.length === 0 && head !== undefined && head === checked)
      return { state: 'clean', revision: head, files, faults: [] };
    const faults = await check(snapshot);
    if (files.length === 0 && head !== undefined && faults.length === 0) {
      await this.#repository.git.run(['update-ref', checkedRef, head]);
      return { state: 'clean', revision: head, files, faults: [] };
    }
    const obstacle = files.length > 0 ? await this.#repository.obstacle() : undefined;
    if (obstacle?.code === 'git-detached') {
      const fault = faultAt({ file: files[0] as string, line: 1, column: 1 }, `changed, but ${obstacle.message}`);
      return { state: 'faulty', ...served, files, faults: [...faults, fault] };
    }
    if (faults.length > 0) {
      // A faulty commit is a person's own: nothing is put over it.
      const part = head === checked ? await goodPart(snapshot, old, faults, check) : undefined;
      if (part === undefined) return { state: 'faulty', ...served, files, faults };
      const revision = await this.#commitEdits(head, old, part.snapshot);
      return { state: 'faulty', ...(revision && { revision }), files, faults, heldBack: { snapshot, held: part.held } };
    }
    const revision = await this.#commitEdits(head, old, snapshot);
    return { state: 'edited', ...(revision && { revision }), files, faults: [] };
  }

  /** Under the name of who owns the first file. Absent where nothing was ever committed, and nothing is there. */
  async #commitEdits(head: string | undefined, old: Snapshot, next: Snapshot): Promise<string | undefined> {
    const files = differences(old, next);
    if (files.length === 0) return head;
    const author = await this.#repository.ownerOf(files);
    const message =
      head === undefined ? 'As it was found' : `Edited: ${files.slice(0, 5).join(', ')}${files.length > 5 ? ' …' : ''}`;
    return this.#repository.commit(head, next, author, message);
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
    needsFileName(name);
    await using _lock = await this.#repository.lock();
    // What somebody broke with an editor may be mended by this very change: only what comes of it must be right.
    const settled = await this.#settle(check);
    const { snapshot, faults } = await takeSnapshot(this.#host, this.#dir);
    const bad = faults.filter(({ file }) => file === name);
    if (bad.length > 0) throw configInvalid(bad, 'no verb changes such a file: put another in its place');
    if (snapshot.get(name) !== change.before)
      throw new StatectlError('config-changed', `${name} changed meanwhile; nothing was written`, {
        hint: `look at it with \`statectl config log ${name}\`, and do your change again`,
      });
    if (change.after === change.before && settled.state !== 'faulty') return settled.revision as string;
    const next = new Map(snapshot);
    if (change.after === undefined) next.delete(name);
    else next.set(name, change.after);
    return await this.#replace(snapshot, next, settled, { author, message, check });
  }

  /** The newest first. */
  async log(options: LogOptions = {}): Promise<readonly Revision[]> {
    return (await this.#repository.head()) === undefined ? [] : readLog(this.#repository.git, options);
  }

  /** The commit that a person names: HEAD, HEAD~1, part of an id, `deployed`. Throws `revision-unknown`. */
  async resolve(name: string): Promise<string> {
    const asked = `${name === 'deployed' ? await this.#repository.checkedRef() : name}^{commit}`;
    const { exitCode, stdout } = await this.#repository.git.attempt(
      // What a person types, `@{u}`, may be a fault to git.
      ['rev-parse', '--verify', '--quiet', '--end-of-options', asked],
    );
    if (exitCode === 0) return stdout.trim();
    if (name === 'deployed')
      throw new StatectlError('revision-unknown', `machines get nothing of ${this.#dir} yet: no revision was checked`, {
        hint: '`statectl config check` tells the faults; without one, `statectl config log` takes the files up',
      });
    throw new StatectlError('revision-unknown', `there is no revision ${JSON.stringify(name)}`, {
      hint: (await this.#repository.head())
        ? '`statectl config log` names them'
        : 'nothing was taken up yet: `statectl config check` tells the faults; without one, `statectl config log` takes it up',
    });
  }

  /** All texts of a revision. */
  read(revision: string): Promise<Snapshot> {
    return readRevision(this.#repository.git, revision);
  }

  /**
   * Takes a change back by a new commit. Throws `undo-conflict` where later changes touch the same lines, `undo-nothing`
   * where it is taken back already.
   */
  async undo(name: string, { author, check }: { readonly author: Author; readonly check: Check }): Promise<string> {
    await using _lock = await this.#repository.lock();
    const settled = await this.#settle(check);
    const revision = await this.resolve(name);
    const short = revision.slice(0, 12);
    const [before, after] = [
      await this.read(await revisionBefore(this.#repository.git, revision)),
      await this.read(revision),
    ];
    const { snapshot } = await takeSnapshot(this.#host, this.#dir);
    const next = new Map(snapshot);
    for (const file of differences(before, after)) {
      const merged = await mergeTexts(this.#host, this.#repository.git, {
        ours: snapshot.get(file),
        base: after.get(file),
        theirs: before.get(file),
      });
      if (merged === 'conflict')
        throw new StatectlError(
          'undo-conflict',
          `${file} was changed at the same lines since ${short}; nothing was undone`,
          { hint: `see them with: statectl config log ${file}; undo those first, or edit the file` },
        );
      if (merged === undefined) next.delete(file);
      else next.set(file, merged);
    }
    if (differences(snapshot, next).length === 0)
      throw new StatectlError('undo-nothing', `nothing of ${short} is left to undo: the files are as before it`, {
        hint: '`statectl config log` tells what changed since',
      });
    const [undone] = await this.log({ limit: 1, from: revision });
    const title = (undone?.message || short).split('\n')[0];
    return await this.#replace(snapshot, next, settled, { author, message: `Undo: ${title}`, check });
  }

  /** What to commit after a change of these files: without those that were held back before. Throws `config-invalid`. */
  async #goodAfter(next: Snapshot, changed: readonly string[], settled: Settled, check: Check): Promise<Snapshot> {
    const faults = await check(next);
    if (faults.length === 0) return next;
    const known = new Set(settled.faults.map(formatFault));
    const isNew = faults.some((fault) => !known.has(formatFault(fault)));
    const head = await this.#repository.head();
    const part = isNew || head === undefined ? undefined : await goodPart(next, await this.read(head), faults, check);
    if (part === undefined || part.held.some((name) => changed.includes(name)))
      throw configInvalid(faults, 'nothing was written: correct what the lines above say');
    return part.snapshot;
  }

  /** Writes what differs and commits it, or leaves everything as it was. */
  async #replace(
    snapshot: Snapshot,
    next: Snapshot,
    settled: Settled,
    { author, message, check }: { readonly author: Author; readonly message: string; readonly check: Check },
  ): Promise<string> {
    await this.needsBranch();
    const names = differences(snapshot, next);
    const good = await this.#goodAfter(next, names, settled, check);
    try {
      for (const name of names) await this.#repository.put(name, next.get(name));
      return await this.#repository.commit(await this.#repository.head(), good, author, message);
    } catch (error) {
      for (const name of names) await this.#repository.put(name, snapshot.get(name)).catch(() => {});
      throw error;
    }
  }

  /** Before a person writes for an hour: throws what `write` would for reasons of git. */
  async needsBranch(): Promise<void> {
    const obstacle = await this.#repository.obstacle();
    if (obstacle) throw obstacle;
  }
}
