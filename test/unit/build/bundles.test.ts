import type { Metafile } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { makeBundles } from '../../../build/bundles.ts';
import { PARTS, type Part } from '../../../src/part.ts';

const bundles = new Map(
  (await makeBundles()).flatMap(({ outputs }) =>
    Object.entries(outputs).map(([path, output]) => [path.slice(path.lastIndexOf('/') + 1), output] as const),
  ),
);
const bundleOf = (name: string): Metafile['outputs'][string] => {
  const output = bundles.get(name);
  if (!output) throw new Error(`there is no ${name}`);
  return output;
};
const inputsOf = (name: string): readonly string[] =>
  Object.entries(bundleOf(name).inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []));

/** What only a machine asks for, and the most bytes of it: each of them costs its agent some more of memory, for ever. */
const OF_MACHINES: Readonly<Record<Exclude<Part, 'admin'>, number>> = { identity: 700_000, settings: 950_000 };

describe('the bundles of the executable', () => {
  it('are one that every boot runs, and one a part', () => {
    expect([...bundles.keys()].toSorted()).toEqual(['boot.cjs', ...Object.values(PARTS)].toSorted());
  });

  it('have what a machine asks for without the verbs of admins and the server', () => {
    const strange = /^src\/(?:server|image|commands|cli\.ts)|^node_modules\/(?:fastify|commander|node-forge|execa)\//;
    for (const [part, most] of Object.entries(OF_MACHINES) as [keyof typeof OF_MACHINES, number][]) {
      expect(inputsOf(PARTS[part]).filter((path) => strange.test(path))).toEqual([]);
      expect(bundleOf(PARTS[part]).bytes).toBeLessThan(most);
    }
    // It does see them.
    expect(inputsOf(PARTS.admin).filter((path) => strange.test(path)).length).toBeGreaterThan(100);
  });

  it('have each part in no other bundle than its own, and the schemas of settings in none that an agent keeps', () => {
    const entry = (part: Part): string => `src/${part}.ts`;
    for (const part of Object.keys(PARTS) as Part[])
      expect([...bundles.keys()].filter((name) => entry(part) in bundleOf(name).inputs)).toEqual([PARTS[part]]);
    for (const name of ['boot.cjs', PARTS.identity])
      expect(inputsOf(name).filter((path) => path.startsWith('node_modules/yaml/'))).toEqual([]);
  });
});
