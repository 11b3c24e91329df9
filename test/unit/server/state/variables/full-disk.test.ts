import { expect, it } from 'vitest';
import { memoryHost } from '../../../../../src/host/memory.ts';
import { savedVariables } from '../../../../../src/server/state/variables/variables.ts';
import { failingHost } from '../../../../fixtures/hosts/failing.ts';
import { VARIABLES_ITEM } from '../../../../fixtures/state/printer-item.ts';

const BOOT = 'aaaaaaaa-0000-4000-8000-000000000001';
const ASKER = {
  node: 'print01',
  proof: 'person',
  printer: { trust: 'proven', quotaBytes: 2 ** 30, gcodeQuotaBytes: 0, items: [VARIABLES_ITEM] },
} as const;
const textOf = (lane: number): string => `[Variables]\nlane = ${lane}\n\n`;

function serverOf() {
  const host = memoryHost({
    files: {
      '/proc/self': { type: 'symlink', target: '7' },
      '/proc/7/stat': `7 (statectl) ${'0 '.repeat(20)}`,
      '/proc/7/ns/pid': { type: 'symlink', target: 'pid:[1]' },
      '/proc/sys/kernel/random/boot_id': 'x',
      '/state/state/voron/printer.json': JSON.stringify({
        holders: [{ boot: BOOT, node: 'print01', lease: 1, sinceMs: 0 }],
        heads: { variables: null },
        items: { variables: { kind: 'variables' } },
        next: 1,
      }),
    },
  });
  return {
    host,
    on: (one: typeof host | ReturnType<typeof failingHost>) =>
      savedVariables({ root: '/state', host: one, alarm: () => {}, free: async () => 1 }),
  };
}
const ship = (variables: ReturnType<typeof savedVariables>, lane: number) =>
  variables.ship(
    'voron',
    'variables',
    { seq: lane, changes: [{ seq: lane, atMs: 0, key: 'lane', literal: String(lane) }], text: textOf(lane) },
    { lease: 1, boot: BOOT, base: null },
    ASKER,
  );

it.each(['error', 'stop', 'torn'] as const)(
  'a server that meets "%s" at any effect has the file before or the new one, whole, and takes it again',
  async (how) => {
    for (let at = 1; ; at += 1) {
      const { host, on } = serverOf();
      await ship(on(host), 1);
      const failing = failingHost(host, { at, how });
      const answer = await ship(on(failing), 2).catch(() => undefined);
      if (failing.effects < at) {
        expect(at).toBeGreaterThan(5);
        break;
      }
      // A dead server's lock is taken over; this process is not dead.
      await host.files.remove('/state/state/voron/lock');
      const { text } = await on(host).find('voron', 'variables', ASKER);
      expect([textOf(1), textOf(2)], `at effect ${at}: ${failing.asked.at(-1)}`).toContain(text);
      if (answer) expect(text).toBe(textOf(2));
      const again = await ship(on(host), 2);
      expect(again.on).toBe('line');
      await ship(on(host), 3);
      expect((await on(host).find('voron', 'variables', ASKER)).text).toBe(textOf(3));
      const summary = await on(host).summary('voron', { part: 'line' }, 'variables');
      expect(summary?.kept, `at effect ${at}`).toBe(3);
    }
  },
);
