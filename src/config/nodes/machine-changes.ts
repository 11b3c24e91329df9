import { entryOf } from '../../entry-of.ts';
import { changedLines } from '../line-diff.ts';
import type { MaskOwn, Masks } from '../tree/own-values.ts';
import { type Plain, writePath } from '../tree/tree.ts';
import type { MachineState } from './machine-state.ts';
import type { DeliveredFile } from './node-content.ts';

/** One difference between two states of a machine. */
export interface Change {
  /** A setting, `match`, `groups`, something of `metadata`, or a rendered file below `files.`; empty: the machine as a whole. */
  readonly path: string;
  readonly from?: Plain;
  readonly to?: Plain;
  /** Of a rendered file: what went (`-…`) and what came (`+…`). */
  readonly lines?: readonly string[];
  readonly template?: string;
}

/**
 * What differs for one machine, said in three ways: as it is; with its own name and addresses named and not said; with its
 * metadata named, too. Machines are alike in the first of these that is the same for them.
 */
export type MachineChanges = readonly [exact: readonly Change[], known: readonly Change[], own: readonly Change[]];

/** Pure. */
export function machineChanges(from: MachineState | undefined, to: MachineState | undefined): MachineChanges {
  const says = settingChanges(from?.said, to?.said, []);
  const paths = new Set([...(from?.files.keys() ?? []), ...(to?.files.keys() ?? [])]);
  const files = [...paths].flatMap((path) => fileChanges(path, from?.files.get(path), to?.files.get(path)));
  // A machine that came or went is told by one line: all that it gets did.
  const changes = from === undefined || to === undefined ? says : [...says, ...files];
  const masked = (which: keyof Masks) =>
    changes.map((change) => maskChange(change, from?.masks[which] ?? same, to?.masks[which] ?? same));
  return [changes, masked('known'), masked('all')];
}

const same: MaskOwn = (text) => text;

function maskChange(change: Change, from: MaskOwn, to: MaskOwn): Change {
  const { path, lines } = change;
  if (lines)
    return { ...change, lines: lines.map((line) => line.slice(0, 1) + (line[0] === '-' ? from : to)(line.slice(1))) };
  const [old, now] = [maskMatch(change.from, path, from), maskMatch(change.to, path, to)];
  return { ...change, ...(old !== undefined && { from: old }), ...(now !== undefined && { to: now }) };
}

/** By its own name and addresses a machine is known: that each has another is no difference. */
function maskMatch(value: Plain | undefined, path: string, mask: MaskOwn): Plain | undefined {
  if (value === undefined) return undefined;
  if (path === '' && isMapping(value) && value.match !== undefined)
    return { ...value, match: maskTexts(mask, value.match) };
  return /^match\b/.test(path) ? maskTexts(mask, value) : value;
}

function maskTexts(mask: MaskOwn, value: Plain): Plain {
  if (typeof value === 'string') return mask(value);
  if (Array.isArray(value)) return value.map((item) => maskTexts(mask, item));
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, maskTexts(mask, inner)]));
}

/** By path, leaves only. */
function settingChanges(from: Plain | undefined, to: Plain | undefined, path: readonly string[]): readonly Change[] {
  if (JSON.stringify(from) === JSON.stringify(to)) return [];
  if (isMapping(from) && isMapping(to)) {
    const keys = new Set([...Object.keys(from), ...Object.keys(to)]);
    return [...keys].flatMap((key) => settingChanges(entryOf(from, key), entryOf(to, key), [...path, key]));
  }
  return [{ path: writePath(path), ...(from !== undefined && { from }), ...(to !== undefined && { to }) }];
}

const isMapping = (value: Plain | undefined): value is { readonly [key: string]: Plain } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function fileChanges(path: string, from: DeliveredFile | undefined, to: DeliveredFile | undefined): readonly Change[] {
  const at = ['files', path];
  const [old, now] = [attributesOf(from), attributesOf(to)];
  const lines = changedLines(from?.content, to?.content);
  const template = to?.template ?? from?.template ?? '';
  if (!old || !now)
    return [{ path: writePath(at), ...(old && { from: old }), ...(now && { to: now }), lines, template }];
  return [
    ...settingChanges(old, now, at),
    ...(lines.length > 0 ? [{ path: writePath([...at, 'content']), lines, template }] : []),
  ];
}

const attributesOf = (file: DeliveredFile | undefined): { readonly [key: string]: Plain } | undefined => {
  if (!file) return undefined;
  const { mode, owner, group, template } = file;
  return { mode: `0${mode.toString(8)}`, owner, group, template };
};
