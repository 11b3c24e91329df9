import { describe, expect, it } from 'vitest';
import { checkApart } from '../../../../src/config/check/check-apart.ts';

const snapshot = (files: Readonly<Record<string, string>>) => new Map(Object.entries(files));
/** 20 templates that count to a million each. */
const SLOW = Object.fromEntries([
  ['nodes/n.conf', 'set: { etc: { templates: ["t*"] } }'],
  ...Array.from({ length: 20 }, (_, at) => [
    `templates/t${at}`,
    `---\npath: /etc/t${at}\n---\n{% for a in (1..999) %}{% for b in (1..999) %}{% assign x = b %}{% endfor %}{% endfor %}`,
  ]),
]) as Readonly<Record<string, string>>;

describe('a check apart', () => {
  it('finds what a check finds', { timeout: 60_000 }, async () => {
    expect(await checkApart(snapshot({ 'nodes/n.conf': 'groups: [none]' }))).toMatchObject([
      { file: 'nodes/n.conf', line: 1, nodeFiles: [] },
    ]);
    expect(await checkApart(snapshot({ 'nodes/n.conf': '' }))).toEqual([]);
  });

  it('ends at its limit of time, and the process answers meanwhile', { timeout: 60_000 }, async () => {
    let beats = 0;
    const beat = setInterval(() => {
      beats += 1;
    }, 10);
    const faults = await checkApart(snapshot(SLOW), { timeMs: 700, memoryMib: 512 });
    clearInterval(beat);
    expect(faults).toMatchObject([{ file: 'config.d', message: expect.stringContaining('longer than 0.7 s') }]);
    expect(beats).toBeGreaterThan(10);
  });

  it('ends at its limit of memory, and the process lives', { timeout: 60_000 }, async () => {
    const texts = Object.fromEntries(
      Array.from({ length: 900 }, (_, at) => [`nodes/n${at}.conf`, `metadata: [${'x,'.repeat(9_000)}]`]),
    );
    const faults = await checkApart(snapshot(texts), { timeMs: 50_000, memoryMib: 16 });
    expect(faults).toMatchObject([{ message: expect.stringContaining('more than 16 MiB') }]);
  });
});
