import type { TreeScan } from '../../../host/plain-tree.ts';
import type { MirrorNote } from '../../../machine/state/mirror/mirror-note.ts';
import type { MirrorPlan } from '../../../machine/state/mirror/plan-mirror.ts';

/** What a cache has of the line without its content. */
export const whenOpened = ({ absent }: MirrorPlan): readonly string[] =>
  absent.length > 0 ? [`brought when they are opened (limit): ${absent.length} of the line`] : [];

/** Why a wish was not answered by bringing it; undefined: it is here. */
export function whyNot(path: string, { files }: TreeScan, { takes, absent, note }: MirrorPlan): string | undefined {
  if (takes.some(({ file }) => file.path === path)) return undefined;
  if (absent.some((file) => file.path === path)) return 'there is no room for it (limit)';
  if (files.some((file) => file.path === path)) return undefined;
  return note.some((one) => one.path === path) ? 'it is open as it was before' : 'the line has it no more';
}

/** What was deleted of what was not here is noted as what was deleted here. */
export function withGone(
  before: MirrorNote | undefined,
  gone: readonly { readonly path: string; readonly version: string }[],
  { files }: TreeScan,
): Pick<MirrorNote, 'files'> | undefined {
  const here = new Set(files.map(({ path }) => path));
  const deleted = gone.filter(({ path }) => !here.has(path));
  if (deleted.length === 0) return before;
  const noted = new Map((before?.files ?? []).map((one) => [one.path, one]));
  for (const { path, version } of deleted) noted.set(path, { path, version: null, line: version });
  return { files: [...noted.values()] };
}
