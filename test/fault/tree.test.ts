import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Exec } from '../../src/host/host.ts';
import type { FileList } from '../../src/signed/file-list/read-list.ts';
import { repairTree } from '../../src/slots/tree/repair-tree.ts';
import { Stopped } from '../fixtures/hosts/failing.ts';
import { listOf, treeHost, treeTask } from '../fixtures/slots/tree-lab.ts';
import { digestOfTree, plantWildTree } from '../fixtures/slots/wild-tree.ts';

const scratch = mkdtempSync(join(tmpdir(), 'statectl-tree-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/**
 * Stops at an effect, counted from 1: it does not come, or of what a program was to remove or to copy some names are done, and one of
 * those is torn. The cache is the test's machine's own.
 */
function stopping(at: number, names: 'none' | 'some', target: string) {
  let effects = 0;
  const effect = async <T>(act: () => Promise<T>, half: () => Promise<unknown>): Promise<T> => {
    effects += 1;
    if (effects > at) throw new Stopped(`after effect ${at}`);
    if (effects < at) return act();
    if (names === 'some') await half();
    throw new Stopped(`at effect ${at}`);
  };
  const exec: Exec = {
    run: (argv, options = {}) => {
      if (argv[0] === 'df') return treeHost.exec.run(argv, options);
      const input = Buffer.from(options.input ?? '');
      return effect(
        () => treeHost.exec.run(argv, options),
        async () => {
          const all = input.toString('latin1').split('\0').filter(Boolean);
          const some = all.slice(0, Math.ceil(all.length / 2));
          if (some.length === 0) return;
          await treeHost.exec.run(argv, { ...options, input: Buffer.from(`${some.join('\0')}\0`, 'latin1') });
          if (argv[0] === 'sh') tear(target);
        },
      );
    },
  };
  const append = () =>
    effect(
      async () => undefined,
      async () => undefined,
    );
  return { host: { ...treeHost, exec, files: { ...treeHost.files, append } }, effects: () => effects };
}

/** A file that was created, and never got all its bytes. */
function tear(target: string): void {
  try {
    truncateSync(join(target, 'usr/bin/bash'), 4096);
  } catch {
    // It was not among them.
  }
}

describe.skipIf(process.getuid?.() !== 0)('F2: a tree', () => {
  let count = 0;
  const fresh = () => join(scratch, `target-${++count}`);
  const SITUATIONS: Readonly<Record<string, (at: string) => void>> = {
    'that is made anew': (at) => mkdirSync(at),
    'that is damaged in all ways': (at) => {
      plantWildTree(at);
      chmodSync(join(at, 'etc/shadow'), 0o666);
      rmSync(join(at, 'usr/bin'), { recursive: true });
      symlinkSync(scratch, join(at, 'usr/bin'));
      writeFileSync(join(at, 'extra'), 'x');
      rmSync(join(at, 'home'), { recursive: true });
    },
  };

  it.each(Object.entries(SITUATIONS))(
    '%s is whole in the end, whichever effect the power cut ended, and the source was never touched',
    async (_title, make) => {
      const good = fresh();
      plantWildTree(good);
      const digest = digestOfTree(good);
      const list: FileList = await listOf(good);
      const repair = (host: Parameters<typeof repairTree>[0], target: string) =>
        repairTree(host, { root: good, is: 'a tree' }, target, list, treeTask());
      for (const names of ['none', 'some'] as const)
        for (let at = 1; ; at += 1) {
          const target = fresh();
          make(target);
          const { host, effects } = stopping(at, names, target);
          const cut = await repair(host, target).then(
            () => false,
            (error: unknown) => error instanceof Stopped || Promise.reject(error),
          );
          const { host: again } = stopping(Number.POSITIVE_INFINITY, 'none', target);
          await repair(again, target);
          expect(digestOfTree(target), `${names} at ${at}`).toBe(digest);
          rmSync(target, { recursive: true });
          if (!cut) {
            expect(effects()).toBeGreaterThan(2);
            break;
          }
        }
      expect(digestOfTree(good)).toBe(digest);
    },
  );
});
