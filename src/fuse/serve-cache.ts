import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import type { Account } from '../host/host.ts';
import { readSaid } from '../protocol/read-answer.ts';
import { CacheName } from '../protocol/state/cache.ts';
import type { FuseDevice } from './device.ts';
import type { RealFolder } from './real-folder.ts';
import { answerRequest } from './serve/answer-request.ts';
import type { CacheFolder, ChangedPaths, Wish } from './serve/cache-folder.ts';
import { hide } from './serve/changes.ts';
import { handleTable } from './serve/handles.ts';
import { lostAnswers, seenRequests } from './serve/lost-requests.ts';
import type { Listings } from './serve/names.ts';
import { errnoOf, Refused } from './serve/refused.ts';
import type { CacheSpool, JournalLine } from './spool.ts';
import { isSame, look } from './union/look.ts';
import { nodeTable } from './union/nodes.ts';
import { type ShownIndex, shownIndex } from './union/shown-index.ts';
import { answer, refusal, resendNotice } from './wire/reply.ts';
import { type RequestOf, readRequest } from './wire/request.ts';

/** So often a file is brought for one who opens it. */
const MOST_TRIES = 5;
/** So many lines more than there are numbers and changes begin the journal anew. */
const MOST_WRITTEN = 10_000;
/** So often it is looked whether somebody still brings what is waited for. */
const LOOK_MS = 1_000;
/** So long a file waits for the agent of a machine that starts. */
const AGENT_BEGINS_MS = 60_000;

interface Waiting {
  readonly wish: Wish;
  readonly tries: number;
}

export interface ServeCache {
  readonly device: FuseDevice;
  readonly real: RealFolder;
  readonly spool: CacheSpool;
  readonly account: Account;
  /** It is shown. */
  readonly ready: () => void;
}

/**
 * Shows a folder united with what the server has, until it is unmounted. It reads what is here and knows no network: what is not
 * here is asked of the agent by files. It may be killed at any moment, and another one goes on.
 */
export async function serveCache({ device, real, spool, account, ready }: ServeCache): Promise<void> {
  const told = spool.journal();
  let written = 0;
  const append = (line: JournalLine): void => {
    spool.append(line);
    written += 1;
  };
  const nodes = nodeTable(
    told.flatMap(({ node }) => (node ? [node] : [])),
    (node) => append({ node }),
  );
  const changed = changedPaths(
    told.flatMap(({ changed: path }) => (path === undefined ? [] : [path])),
    (path) => append({ changed: path }),
  );
  function rewrite(): void {
    const lines = [...nodes.lines().map((node) => ({ node })), ...[...changed].map((path) => ({ changed: path }))];
    written = -lines.length;
    spool.rewrite(lines);
  }
  /** Where there is no room for a new journal the old one says the same. */
  function shorten(): void {
    try {
      rewrite();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
  shorten();
  const waiting = new Map<string, Waiting>();
  const listings: Listings = new Map();
  const isWhole = (path: string): boolean => look(folder, path)?.kind === 'here';
  const folder: CacheFolder = {
    ...{ real, nodes, account, changed, removed: new Map() },
    handles: handleTable(real, nodes, isWhole),
    index: readIndex(),
    wanted: (wish) => wanted(wish),
    newId: () => randomBytes(12).toString('hex'),
  };

  function readIndex(): ShownIndex {
    const gone = real.gone().flatMap((text) => readSaid(text, CacheName).value ?? []);
    const index = shownIndex(spool.index(), gone);
    for (const path of changed) {
      const file = index.file(path);
      const stat = real.stat(path);
      // The index knows by now what was written.
      if (!file || (stat && isSame(stat, file))) changed.delete(path);
    }
    return index;
  }

  const beganMs = performance.now();
  function nobodyBrings(): boolean {
    const agent = spool.agent();
    return agent === 'ended' || (agent === 'not yet' && performance.now() - beganMs > AGENT_BEGINS_MS);
  }

  function wanted(wish: Wish, tries = 1): void {
    const id = folder.newId();
    if (nobodyBrings()) finish({ wish, tries }, 'the agent does not run');
    else {
      spool.want(id, wish);
      waiting.set(id, { wish, tries });
    }
  }

  function finish({ wish, tries }: Waiting, fault?: string): void {
    let reply: Buffer;
    try {
      const body = wish.again();
      // It went again before it was opened, for want of room.
      if (!body && fault === undefined && tries < MOST_TRIES) {
        wanted(wish, tries + 1);
        return;
      }
      if (!body) throw new Refused(fault === undefined ? 'EIO' : 'EHOSTUNREACH');
      reply = answer(wish.unique, body);
    } catch (error) {
      // ESTALE, too: what was brought is another inode than what was here before, and the kernel looks it up anew.
      reply = refusal(wish.unique, errnoOf(error));
    }
    device.answer(reply);
  }

  function interrupted({ unique, interrupted: other }: RequestOf<'interrupt'>): void {
    const [id] = [...waiting].find(([, { wish }]) => wish.unique === other) ?? [];
    // Two are read at a time, so that it may be heard first: the kernel says it again then, unless the other was answered.
    if (id === undefined) device.answer(refusal(unique, constants.errno.EAGAIN));
    else {
      waiting.delete(id);
      spool.unwant(id);
      device.answer(refusal(other, constants.errno.EINTR));
    }
  }

  function heard(): void {
    for (const { id, fault } of spool.answers()) {
      const one = waiting.get(id);
      waiting.delete(id);
      if (one) finish(one, fault);
    }
  }

  using _ = spool.watch({
    answers: heard,
    index: () => {
      folder.index = readIndex();
      for (const [path, went] of folder.removed) {
        const file = folder.index.file(path);
        if (file && isSame(went, file) && !real.stat(path)) hide(folder, path);
      }
    },
  });
  // Before anything is read: what is told here is not ours.
  const isAskedAgain = await device.notify(resendNotice());
  if (!isAskedAgain) for (const reply of lostAnswers(spool.seen(), spool.waiting())) device.answer(reply);
  const seen = seenRequests(spool.see);
  const looking = setInterval(() => {
    if (waiting.size === 0 || !nobodyBrings()) return;
    for (const [id, one] of waiting) {
      spool.unwant(id);
      finish(one, 'the agent does not run any more');
    }
    waiting.clear();
  }, LOOK_MS);
  try {
    const serving = device.serve((frame) => {
      const request = readRequest(frame);
      if (!request) return;
      if (!isAskedAgain) seen.see(request.unique);
      if (request.op === 'interrupt') interrupted(request);
      if (request.op === 'init') {
        // It was mounted anew: nothing is open, and no number was given.
        nodes.clear();
        real.letAllGo();
        rewrite();
      }
      const reply = answerRequest(folder, listings, request);
      if (reply) device.answer(reply);
      // What was looked at and forgotten is a line each, in RAM.
      if (written > MOST_WRITTEN) shorten();
    });
    ready();
    await serving;
  } finally {
    clearInterval(looking);
  }
}

function changedPaths(told: readonly string[], write: (path: string) => void): ChangedPaths & Set<string> {
  const paths = new Set(told);
  const add = paths.add.bind(paths);
  return Object.assign(paths, {
    add(path: string) {
      if (paths.has(path)) return paths;
      write(path);
      return add(path);
    },
  });
}
