import { join } from 'node:path';
import { StatectlError } from '../../error.ts';
import type { PlainTree } from '../../host/plain-tree.ts';
import { type ConfigFiles, isConfigId } from '../../protocol/state/config-files.ts';
import { applyConfig, writeFile } from './git/apply-config.ts';
import { type ConfigNote, readNote, writtenNote } from './git/config-note.ts';
import { type ConfigAsk, fetchConfig, sendConfig } from './git/exchange-config.ts';
import { isAhead, type KeptConfig, readKept } from './git/kept-config.ts';
import { type Digests, type LocalConfig, localChanges, lookAtConfig, readLocal } from './git/local-config.ts';
import { repairConfig, writeAside } from './git/repair-config.ts';
import type { ItemSession } from './printer-session.ts';
import { freeEnd } from './put-aside.ts';
import type { Restore, StateItem } from './restore.ts';

type GitRestore = Restore<StateItem<'git'>>;

/** What restoring one config has at hand. */
interface Restoring extends GitRestore {
  readonly tree: PlainTree;
  readonly digests: Digests;
  readonly from: ConfigAsk | undefined;
  /** Of the line; null: nothing yet; undefined: no server can say. */
  readonly id: string | null | undefined;
  /** A folder for what is replaced. */
  readonly aside: string;
}

/**
 * The config as the line has it. What this machine changed and could not ship goes on: it is merged into the line, or shipped as the
 * branch that it was. Without a server it begins with what lies there, or with what the machine kept. What a power cut emptied
 * is put right in any case.
 */
export async function restoreGit(restore: GitRestore): Promise<ItemSession> {
  const { host, printer, item, account, head, ask, kept, boot, lease } = restore;
  await using tree = await host.files.openTree(item.path, account);
  await tree.tidy();
  const id = head === undefined ? undefined : head === null ? null : isConfigId(head.id) ? head.id : undefined;
  const restoring: Restoring = {
    ...restore,
    ...{ tree, id, digests: new Map() },
    from: ask && id !== undefined ? { ask, printer, item: item.name } : undefined,
    aside: kept ?? restore.spool,
  };
  const last = kept === undefined ? undefined : await readKept(host.files, kept);
  const lies = readNote(await tree.readNote());
  const isLaid = lies === undefined && last !== undefined && (id === undefined || isAhead(last));
  if (isLaid) await layKept(restoring, last);
  const note = lies ?? (isLaid ? last.note : undefined);
  await repair(restoring, note, last);
  if (!restoring.from || id === undefined) {
    const why = head === undefined ? 'no server said what it has' : 'the server cannot read what it has';
    return { base: note?.id ?? null, why };
  }
  const files = await bringTogether({ ...restoring, from: restoring.from, id }, note);
  const now: ConfigNote = { id, files, on: lease === 0 ? 'branch' : 'line', boot, lease, base: id };
  await tree.writeNote(writtenNote(now));
  return { base: id };
}

/** What the machine kept on its disk, in a folder that does not outlive it. */
async function layKept({ tree, host }: Restoring, { files }: KeptConfig): Promise<void> {
  for (const [path, bytes] of files) {
    const file = await tree.look(path);
    await writeFile(tree, path, bytes, String(BigInt(Math.trunc(host.clock.now())) * 1_000_000n), file?.stamp);
  }
}

async function repair(restoring: Restoring, note: ConfigNote | undefined, last: KeptConfig | undefined): Promise<void> {
  const { host, tree, apart, from, id, aside, task, printer, item } = restoring;
  const done = await repairConfig(host.files, tree, {
    local: await lookAtConfig(tree, apart),
    noted: note?.files ?? new Map(),
    evidence: join(aside, 'damaged'),
    nowMs: host.clock.now(),
    kept: last?.files,
    line: async () => contentsOf(from && id ? await fetchConfig(from, null) : undefined),
  });
  for (const what of done) task.warn(`${printer}: ${item.path}: ${what}`);
}

const contentsOf = (given: ConfigFiles | undefined): ReadonlyMap<string, Buffer> =>
  new Map(
    (given?.files ?? []).flatMap(({ path, content }) =>
      content === null ? [] : [[path, Buffer.from(content, 'base64')] as const],
    ),
  );

type Online = Restoring & { readonly from: ConfigAsk; readonly id: string | null };

/** The machine and the line have the same then, but for what is new on the machine. Gives what is noted. */
async function bringTogether(restoring: Online, note: ConfigNote | undefined): Promise<ReadonlyMap<string, string>> {
  const { tree, from, id, apart, digests, boot, lease, printer, task, item } = restoring;
  const local = await lookAtConfig(tree, apart);
  if (!note) return id === null ? new Map() : await takeLine(restoring, local);
  const changes = await localChanges(tree, local, note.files, digests);
  if (changes.length === 0) return id === null ? note.files : await follow(restoring, local, note);
  const isOfLine = note.on === 'line' && lease > 0;
  const standing = isOfLine ? { lease, boot, base: id } : { lease: note.lease, boot: note.boot, base: note.base };
  const taken = await sendConfig(from, standing, note.id, changes);
  if (taken.on === 'branch') {
    task.warn(`${printer}: what was changed in ${item.path} is the branch ${taken.branch}: ${taken.why}`);
    if (id !== null)
      return await takeLine(
        restoring,
        local,
        changes.map(({ path }) => path),
      );
  }
  if (taken.conflicts.length > 0)
    task.warn(
      `${printer}: ${taken.conflicts.join(', ')} was changed here and on the server: this one counts; statectl printer conflicts ${printer} shows the other`,
    );
  const noted = new Map(note.files);
  for (const { path } of changes) {
    const digest = digests.get(path);
    if (local.files.has(path) && digest) noted.set(path, digest.sha256);
    else noted.delete(path);
  }
  return await follow(restoring, local, { ...note, id: taken.id, files: noted });
}

/** What people changed since then. */
async function follow(restoring: Online, local: LocalConfig, note: ConfigNote): Promise<ReadonlyMap<string, string>> {
  const { tree, from, digests, host } = restoring;
  const given = await fetchConfig(from, note.id);
  // Of another history: it is given whole.
  if (given.since === null) return await takeLine(restoring, local, [], given);
  const applied = await applyConfig(tree, given, { local, noted: note.files, digests, nowMs: host.clock.now() });
  return applied ?? (await takeLine(restoring, local));
}

/** The line, whatever is there: that is put aside first. `gone`: paths that the line does not have, and that go, too. */
async function takeLine(
  restoring: Online,
  local: LocalConfig,
  gone: readonly string[] = [],
  known?: ConfigFiles,
): Promise<ReadonlyMap<string, string>> {
  const { tree, from, digests, host, task, printer, item, aside } = restoring;
  const given = known ?? (await fetchConfig(from, null));
  const line = contentsOf(given);
  const other = [];
  for (const file of local.files.values()) {
    const theirs = line.get(file.path);
    if (theirs === undefined && !gone.includes(file.path)) continue;
    const bytes = await readLocal(tree, file);
    if (!theirs?.equals(bytes)) other.push({ file, bytes });
  }
  const before = join(aside, 'before-');
  const folder = `${before}${await freeEnd(host.files, [before], restoring.boot)}`;
  for (const { file, bytes } of other) {
    await writeAside(host.files, join(folder, file.path), bytes);
    if (!line.has(file.path)) await tree.remove(file);
  }
  if (other.length > 0)
    task.warn(
      `${printer}: ${item.path} had other files than the line: ${other.map(({ file }) => file.path).join(', ')} went to ${folder}`,
    );
  const applied = await applyConfig(tree, given, {
    ...{ local, digests, noted: new Map(), nowMs: host.clock.now() },
    over: () => true,
  });
  if (applied) return applied;
  throw new StatectlError('state-failed', `${item.path} changes while it is given back: somebody is at work in it`);
}
