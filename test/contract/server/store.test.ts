import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, vi } from 'vitest';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { openNodes } from '../../../src/server/store/open-nodes.ts';
import { memoryNodes } from '../../fixtures/server/memory-nodes.ts';
import { storeSentences } from './store-suite.ts';

async function folder() {
  const dir = await mkdtemp(join(tmpdir(), 'statectl-nodes-'));
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) };
}

storeSentences('SQLite', async () => {
  const { clock } = memoryHost();
  const { files } = linuxHost();
  const { dir, ...gone } = await folder();
  return { clock, open: () => openNodes(dir, { files, clock }), ...gone };
});

// What tests of the server stand on is held to the same.
storeSentences('the memory of a test', async () => {
  const { clock } = memoryHost();
  const nodes = memoryNodes(clock);
  return { clock, open: async () => nodes.open(), [Symbol.asyncDispose]: async () => {} };
});

it('what was decided of a key is on the disk before anybody hears of it', async () => {
  await using made = await folder();
  const exec = vi.spyOn(DatabaseSync.prototype, 'exec');
  try {
    await using _store = await openNodes(made.dir, linuxHost());
    const database = exec.mock.contexts[0] as DatabaseSync;
    // sqlite.org/pragma.html: 2 is FULL. Of WAL, NORMAL may lose the last commits at a power cut.
    expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  } finally {
    exec.mockRestore();
  }
});

it('a database that another program holds is waited for, and nobody who reads waits with it', async () => {
  await using made = await folder();
  await using store = await openNodes(made.dir, linuxHost());
  const other = new DatabaseSync(join(made.dir, 'nodes.sqlite'));
  other.exec('BEGIN IMMEDIATE');
  let isDone = false;
  const writing = store
    .transaction((nodes) => nodes.dropEnrolments(['a']))
    .then(() => {
      isDone = true;
    });
  for (let read = 0; read < 20; read += 1) expect(await store.enrolments()).toEqual([]);
  expect(isDone).toBe(false);
  other.exec('COMMIT');
  other.close();
  await writing;
});
