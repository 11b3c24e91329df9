import { entryOf } from '../../../entry-of.ts';
import { reasonOf, StatectlError } from '../../../error.ts';
import { pathFault } from '../../../print/config-names.ts';
import {
  type ConfigChanges,
  type ConfigFiles,
  type ConfigTaken,
  isConfigId,
  LARGEST_CONFIG_FILE_BYTES,
} from '../../../protocol/state/config-files.ts';
import type { ItemHead, Standing } from '../../../protocol/state/state.ts';
import { type Asker, mustBeTrusted, mustHave } from '../asker.ts';
import type { StateKind, StateStore } from '../kind.ts';
import { formerLease, quotasOf } from '../lease.ts';
import { diskFull, namingFullDisk } from '../snapshot/receive.ts';
import { standingOf } from '../standing.ts';
import { itemUnknown, lockPrinter, readPrinter } from '../state-folder.ts';
import { changedFiles, idOf, type Repositories, versionOf, viewOf } from './config-view.ts';
import { gitKind, markItem } from './git-kind.ts';
import { branchRef, commitOf, commonRepository, findRepository, MAIN, openRepository } from './repository.ts';
import { tidyRepository } from './repository-size.ts';
import { takeChanges } from './take-changes.ts';
import { type HistoryRefs, type HistoryRemark, hasHistory, takeHistory } from './take-history.ts';

/** Beyond it the disk is for what the server cannot do without. */
const LEAST_FREE = 0.05;
/** What a machine is told where nobody knows what its line has: what it ships meanwhile is a branch. */
const UNREADABLE = 'unreadable';

export interface Configs extends StateKind {
  /** What the line is; null: nothing yet. Throws `printer-unknown`, `state-untrusted`, `git-unusable`. */
  current(printer: string, item: string, asker: Asker): Promise<string | null>;
  /** What the line has and had not at `since`. Throws the same, and `git-failed`. */
  files(printer: string, item: string, since: string | undefined, asker: Asker): Promise<ConfigFiles>;
  /**
   * `history`: a bundle of git that a person brings with a config; no machine does. Throws `printer-unknown`, `item-unknown`,
   * `request-invalid`, `config-too-large`, `state-full`, `git-unusable`, `git-failed`, and `history-unfit`, by which nothing was taken.
   */
  ship(
    printer: string,
    item: string,
    standing: Standing,
    asker: Asker,
    changes: ConfigChanges,
    history?: Buffer,
  ): Promise<ConfigTaken & { readonly notNamed?: readonly HistoryRemark[] }>;
  /** Whether the line goes on with this history, and its branches and tags are named. Throws `git-failed`, `git-unusable`. */
  hasHistory(printer: string, item: string, history: HistoryRefs): Promise<boolean>;
}

/** Class `git`: what people and SAVE_CONFIG write, with its history, in repositories that people push to. */
export function configs(store: StateStore): Configs {
  async function repositories(printer: string, item: string): Promise<Repositories> {
    return { own: await openRepository(store, printer, item), common: await commonRepository(store) };
  }
  const versionNow = async ({ own, common }: Repositories) => ({
    own: await commitOf(own, MAIN),
    common: common && (await commitOf(common, MAIN)),
  });

  /** Throws `item-unknown`. */
  async function mustBeGit(printer: string, item: string, { printer: has }: Asker): Promise<void> {
    const now = has?.items.find(({ name }) => name === item);
    const then = now ?? entryOf((await readPrinter(store, printer)).items, item);
    if (then?.kind !== 'git') throw itemUnknown();
  }

  return {
    ...gitKind(store),

    async head(printer, item): Promise<ItemHead | null> {
      try {
        const id = idOf(await versionNow(await repositories(printer, item)));
        return id === undefined ? null : { id };
      } catch (error) {
        store.alarm(`${printer}: its ${item} cannot be given back: ${reasonOf(error)}`);
        return { id: UNREADABLE };
      }
    },

    async current(printer, item, asker) {
      mustBeTrusted(printer, asker);
      await mustBeGit(printer, item, asker);
      return idOf(await versionNow(await repositories(printer, item))) ?? null;
    },

    async files(printer, item, since, asker) {
      mustBeTrusted(printer, asker);
      await mustBeGit(printer, item, asker);
      const both = await repositories(printer, item);
      const version = await versionNow(both);
      const after = await viewOf(both, version);
      const wanted = since !== undefined && isConfigId(since) ? since : null;
      // Somebody rewrote the history: then it is given whole.
      const known = wanted === null ? undefined : await viewOf(both, versionOf(wanted)).catch(() => undefined);
      return {
        id: idOf(version) ?? 'empty',
        since: known ? wanted : null,
        files: await changedFiles(both, known ?? { files: new Map(), skipped: new Map() }, after),
        skipped: [...after.skipped].map(([path, why]) => ({ path, why })),
      };
    },

    async hasHistory(printer, item, history) {
      const own = await findRepository(store, printer, item);
      return own !== undefined && (await hasHistory(own, history));
    },

    async ship(printer, item, standing, asker, changes, history) {
      const { node, printer: has } = asker;
      // Who had it once may still tell what it did, wherever the printer is now.
      const record = await readPrinter(store, printer);
      const isFormer = has ?? formerLease(record, { boot: standing.boot, node });
      if (!isFormer) mustHave(printer, asker);
      await mustBeGit(printer, item, asker);
      const sent = sentFiles(changes);
      if ((await store.free()) < LEAST_FREE) throw diskFull();
      try {
        await using _lock = await lockPrinter(store, printer);
        const place = await standingOf(store, printer, item, standing, asker);
        const both = await repositories(printer, item);
        const { quotaBytes } = quotasOf(record, has);
        await tidyRepository(both.own, quotaBytes);
        const brought = history && (await takeHistory(both.own, history, quotaBytes));
        const ref = place.on === 'line' ? MAIN : branchRef(place.branch);
        await markItem(store, printer, place.where, item, { ref, repository: both.own.path });
        const taken = await takeChanges(both, {
          ref,
          base: versionOf(changes.base),
          sent,
          author: { name: printer, email: `${printer}@${node}` },
          mtimeMs: Math.max(...changes.files.map(({ mtimeMs = 0 }) => mtimeMs)),
          ...(brought && { after: brought.head }),
        });
        const notNamed = await brought?.nameRefs();
        if (taken.conflicts.length > 0)
          store.alarm(
            `${printer}: ${taken.conflicts.join(', ')} was changed on the printer and on the server; the printer's counts, the other is kept: statectl printer conflicts ${printer}`,
          );
        return {
          ...{ ...taken, on: place.on, ...(place.on === 'branch' && { branch: place.branch, why: place.why }) },
          ...(notNamed && { notNamed }),
        };
      } catch (error) {
        throw namingFullDisk(error);
      }
    },
  };
}

/** Throws `request-invalid`, `config-too-large`. */
function sentFiles({ files }: ConfigChanges): ReadonlyMap<string, Buffer | undefined> {
  const sent = new Map<string, Buffer | undefined>();
  for (const { path, content } of files) {
    const fault = pathFault(path);
    if (fault !== undefined)
      throw new StatectlError(
        'request-invalid',
        `${JSON.stringify(path.slice(0, 200))} is no file of a config: ${fault}`,
      );
    const bytes = content === null ? undefined : Buffer.from(content, 'base64');
    if (bytes && bytes.length > LARGEST_CONFIG_FILE_BYTES)
      throw new StatectlError('config-too-large', `${path} has more than ${LARGEST_CONFIG_FILE_BYTES} bytes`, {
        hint: 'a config is text of people: keep what is so large elsewhere, and include it',
      });
    if (sent.has(path)) throw new StatectlError('request-invalid', `${JSON.stringify(path)} is there twice`);
    sent.set(path, bytes);
  }
  return sent;
}
