import type { Files } from '../host/host.ts';
import type { Step } from '../machine/steps/step.ts';
import { sha256Of } from '../signed/bundle/manifest.ts';

/** What is at a path. `other`: a folder, device or socket. */
export type Entry =
  | {
      readonly kind: 'file';
      readonly sha256: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'other' };

/** What shall be at a path, and the step of the boot that makes it so. */
export interface Wanted {
  readonly entry: Entry;
  readonly step: Step;
}

export const ABSENT: Entry = { kind: 'absent' };

export const isSameEntry = (a: Entry, b: Entry): boolean =>
  a.kind === 'file' && b.kind === 'file'
    ? a.sha256 === b.sha256 && a.mode === b.mode && a.uid === b.uid && a.gid === b.gid
    : a.kind === 'link' && b.kind === 'link'
      ? a.target === b.target
      : a.kind === 'absent' && b.kind === 'absent';

/** What is at a path now. */
export async function readEntry(files: Pick<Files, 'stat' | 'read' | 'readlink'>, path: string): Promise<Entry> {
  const stat = await files.stat(path);
  switch (stat?.type) {
    case undefined:
      return ABSENT;
    case 'symlink':
      return { kind: 'link', target: await files.readlink(path) };
    case 'file': {
      const { mode, uid, gid } = stat;
      return { kind: 'file', sha256: sha256Of(await files.read(path)), mode, uid, gid };
    }
    default:
      return { kind: 'other' };
  }
}

/** What a plan of the boot leaves behind, by path of the running system: its last word on each. Pure. */
export function wantedBy(steps: readonly Step[]): ReadonlyMap<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  for (const step of steps)
    switch (step.kind) {
      case 'write': {
        const sha256 = sha256Of(Buffer.from(step.content, step.encoding ?? 'utf8'));
        wanted.set(step.path, {
          entry: { kind: 'file', sha256, mode: step.mode ?? 0o644, uid: 0, gid: 0 },
          step,
        });
        break;
      }
      case 'deliver': {
        const { sha256, mode, uid, gid } = step;
        wanted.set(step.to, { entry: { kind: 'file', sha256, mode, uid, gid }, step });
        break;
      }
      case 'symlink':
        wanted.set(step.path, { entry: { kind: 'link', target: step.target }, step });
        break;
      case 'mkdir':
        // What was removed to begin anew.
        wanted.delete(step.path);
        break;
      case 'remove': {
        const path = step.path;
        for (const below of wanted.keys()) if (below.startsWith(`${path}/`)) wanted.delete(below);
        wanted.set(path, { entry: ABSENT, step });
        break;
      }
      default:
        break;
    }
  return wanted;
}

/** The folders that a plan makes, by path of the running system. Pure. */
export const foldersBy = (steps: readonly Step[]): ReadonlyMap<string, Step> =>
  new Map(steps.flatMap((step) => (step.kind === 'mkdir' ? [[step.path, step] as const] : [])));
