import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const ROOT = `${import.meta.dirname}/../../..`;

/** The table of docs/design/faults.md: the name of each fault, and by which words of which file it is held. */
const rows = readFileSync(`${ROOT}/docs/design/faults.md`, 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| F'))
  .map((line) => {
    const [name = '', , held = ''] = line
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim());
    return { name, held: held.split('; ').map((each) => /^`([^`]+)` ?(.*)$/.exec(each)?.slice(1) ?? [each, '']) };
  });

test('each fault of a machine with disks is in the table of docs/design/faults.md', () => {
  expect(rows.map(({ name }) => name)).toEqual(Array.from({ length: 27 }, (_, at) => `F${at + 1}`));
});

test.each(rows)('$name is injected by tests that are there', ({ held }) => {
  for (const [file = '', words = ''] of held) {
    const path = `${ROOT}/test/${file}.test.ts`;
    expect({ file, isThere: existsSync(path) }).toEqual({ file, isThere: true });
    // A title may be broken off where a variable stands.
    expect({ file, words, isThere: readFileSync(path, 'utf8').includes(words) }).toEqual({
      file,
      words,
      isThere: true,
    });
  }
});
