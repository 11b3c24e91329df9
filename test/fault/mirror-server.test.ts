import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/host.ts';
import type { MirrorChange } from '../../src/protocol/state/mirror.ts';
import type { Asker } from '../../src/server/state/asker.ts';
import type { StateStore } from '../../src/server/state/kind.ts';
import { mirrors } from '../../src/server/state/mirror/mirrors.ts';
import { sourceFolders } from '../../src/server/state/mirror/source-folders.ts';
import { writePrinter } from '../../src/server/state/state-folder.ts';
import { failingHost } from '../fixtures/hosts/failing.ts';
import { changeOf } from '../fixtures/state/mirror-machine.ts';
import { sha256 } from '../fixtures/state/moonraker-database.ts';
import { GCODE_ITEM } from '../fixtures/state/printer-item.ts';

const MINUTES_MS = 120_000;
const STANDING = { lease: 1, boot: 'b0000000-0000-4000-8000-000000000001', base: null };

/** A server of its own each time: what was in the memory of the one before is gone. */
function serverOn(root: string, failing?: Parameters<typeof failingHost>[1]) {
  const host = failing ? failingHost(linuxHost(), failing) : linuxHost();
  const store: StateStore = { root, host, alarm: () => {}, free: async () => 1 };
  const mirror = mirrors(store, sourceFolders(store));
  const asker: Asker = {
    node: 'print01',
    proof: 'person',
    printer: { trust: 'proven', quotaBytes: 1_000, gcodeQuotaBytes: 1_000, items: [GCODE_ITEM] },
  };
  return {
    effects: () => ('effects' in host ? (host.effects as number) : 0),
    async put(content: string, changes: readonly MirrorChange[]): Promise<void> {
      const piece = { sha256: sha256(Buffer.from(content)), sizeBytes: content.length, atBytes: 0 };
      async function* body() {
        yield Buffer.from(content);
      }
      let { haveBytes, isWhole } = await mirror.takePiece('voron', 'gcodes', piece, STANDING, asker, body());
      for (; !isWhole; ) {
        const atBytes = haveBytes;
        async function* rest() {
          yield Buffer.from(content).subarray(atBytes);
        }
        ({ haveBytes, isWhole } = await mirror.takePiece(
          'voron',
          'gcodes',
          { ...piece, atBytes },
          STANDING,
          asker,
          rest(),
        ));
      }
      const { missing } = await mirror.change('voron', 'gcodes', changes, STANDING, asker);
      expect(missing).toEqual([]);
    },
    async files(): Promise<Record<string, string>> {
      const all: Record<string, string> = {};
      for (const file of (await mirror.list('voron', 'gcodes', asker)).files) {
        await using open = await mirror.open('voron', 'gcodes', file.sha256, asker);
        const chunks: Buffer[] = [];
        if (open.sizeBytes > 0) for await (const chunk of open.stream(0, open.sizeBytes - 1)) chunks.push(chunk);
        all[file.path] = Buffer.concat(chunks).toString();
      }
      return all;
    },
  };
}

it.each([
  ['a power cut', { how: 'stop' }],
  ['a power cut amid a write', { how: 'torn' }],
  ['a disk that fails', { how: 'error' }],
  ['a disk that is full', { how: 'error', code: 'ENOSPC' }],
] as const)(
  'a server that meets %s at any effect while it takes a file has what was there, whole, and takes it then',
  async (_title, failure) => {
    const before = { 'a.gcode': 'one' };
    for (let at = 1, isDone = false; !isDone; at += 1) {
      const root = mkdtempSync(join(tmpdir(), 'statectl-mirror-'));
      try {
        const holder = { ...STANDING, node: 'print01', sinceMs: 0 };
        const record = { holders: [holder], heads: { gcodes: null }, items: {}, next: 1 };
        await writePrinter({ root, host: linuxHost() }, 'voron', record);
        await serverOn(root).put('one', [changeOf('a.gcode', 'one')]);
        const changes = [changeOf('b.gcode', 'two'), changeOf('a.gcode', null, 'one')];
        const failing = serverOn(root, { at, ...failure });
        const error = await failing.put('two', changes).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        if (error && 'code' in failure) expect(error, `at effect ${at}`).toMatchObject({ code: 'state-full' });
        isDone = failing.effects() < at;
        const after = { 'b.gcode': 'two' };
        expect([before, after], `at effect ${at}`).toContainEqual(await serverOn(root).files());
        // The process is no more, and with it its locks.
        rmSync(join(root, 'state/voron/lock'), { force: true });
        await serverOn(root).put('two', changes);
        expect(await serverOn(root).files(), `at effect ${at}`).toEqual(after);
      } finally {
        rmSync(root, { recursive: true });
      }
    }
  },
  MINUTES_MS,
);
