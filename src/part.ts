import { createRequire } from 'node:module';
import { getAsset } from 'node:sea';
import { compileFunction } from 'node:vm';

/** The parts of the executable besides its main script: assets, each one CommonJS bundle that requires only Node's modules. */
export const PARTS = { admin: 'admin.cjs', identity: 'identity.cjs', settings: 'settings.cjs' } as const;

export type Part = keyof typeof PARTS;

const loaded = new Map<Part, unknown>();

/** What a part of this executable exports: src/PART.ts. Whoever loads one keeps it, with its source, as long as the process lives. */
export function loadPart<Exports>(part: Part): Exports {
  if (!loaded.has(part)) {
    const module = { exports: {} };
    compileFunction(sourceOf(part), ['exports', 'require', 'module'], { filename: PARTS[part] })(
      module.exports,
      createRequire(process.execPath),
      module,
    );
    loaded.set(part, module.exports);
  }
  return loaded.get(part) as Exports;
}

export const sourceOf = (part: Part): string => getAsset(PARTS[part], 'utf8');
