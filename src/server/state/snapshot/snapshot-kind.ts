import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { reasonOf, StatectlError } from '../../../error.ts';
import { sha256Of } from '../../../signed/bundle/manifest.ts';
import { readPlainTar } from '../../../signed/plain-tar.ts';
import type { Store } from '../../store/store.ts';
import type { StateKind } from '../kind.ts';
import { incomingPath, LINE } from '../state-folder.ts';
import type { Generation } from './generation.ts';
import { generationsIn, placeGeneration } from './generations.ts';

/** What an admin may do with the generations of a printer: tell of them, take those of a branch, export them. */
export const snapshotKind = (store: Store): Omit<StateKind, 'head'> => ({
  async summary(printer, where, item) {
    const all = await generationsIn(store, printer, where, item);
    const [newest] = all;
    if (!newest) return undefined;
    const bytes = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const told = { id: newest.id, atMs: newest.receivedAtMs, kept: all.length, bytes };
    if (where.part !== 'branch') return told;
    const [line] = await generationsIn(store, printer, LINE, item);
    return { ...told, lacking: lackingJobs(newest, line) };
  },

  /** As a new generation: what the line had stays in its history, and the branch as it is. */
  async take(printer, branch, item) {
    const [newest] = await generationsIn(store, printer, { part: 'branch', branch }, item);
    if (!newest) return undefined;
    const { id, tar, json: _, receivedAtMs: __, ...generation } = newest;
    const copy = join(incomingPath(store, printer), `${randomBytes(8).toString('hex')}.tar`);
    await copyChecked(store, tar, copy, generation.sha256);
    try {
      const taken = { ...generation, lease: 0, takenFrom: `${branch}/${id}` };
      await placeGeneration(store, printer, LINE, copy, taken);
    } finally {
      await store.host.files.remove(copy);
    }
    return id;
  },

  /** The newest as it is; what came before in `history/ID/`. `generation.json` says whose it is. */
  async *export(printer, where, item) {
    for (const [at, { tar, json: _, ...said }] of (await generationsIn(store, printer, where, item)).entries()) {
      const folder = at === 0 ? '' : `history/${said.id}/`;
      const bytes = await store.host.files.read(tar).catch(goneOr);
      // The machine ships on meanwhile, and something newer took its place.
      if (bytes === undefined) continue;
      const { members, fault } = membersOf(bytes, said);
      for (const [name, content] of members) yield { path: `${folder}${name}`, content };
      const told = { ...said, ...(fault !== undefined && { fault }) };
      yield { path: `${folder}generation.json`, content: Buffer.from(`${JSON.stringify(told, null, 2)}\n`) };
    }
  },
});

function goneOr(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

/** It was checked when it came: plain files. What the disk changed since is exported as it is, and told. */
function membersOf(bytes: Buffer, { id, sha256 }: Pick<Generation, 'id' | 'sha256'>) {
  const fault = sha256Of(bytes) === sha256 ? undefined : 'it is not what was shipped: the disk changed it';
  try {
    return { members: readPlainTar(bytes, isMember), fault };
  } catch (error) {
    return { members: new Map([[`${id}.tar`, bytes]]), fault: fault ?? reasonOf(error) };
  }
}

/** Below the folder of an export, and nowhere else. */
const isMember = (name: string): boolean => basename(name) === name && !['', '.', '..'].includes(name);

/** The jobs of a branch that the line has not: the newest of it first. Pure. */
export const lackingJobs = (
  { jobs = [] }: Pick<Generation, 'jobs'>,
  line: Pick<Generation, 'jobs'> | undefined,
): readonly string[] => {
  const known = new Set(line?.jobs);
  return jobs.filter((job) => !known.has(job));
};

/** A tar of the store once more; what the disk changed is not passed on. Throws `generation-mismatch`. */
async function copyChecked({ host: { files } }: Store, from: string, to: string, sha256: string): Promise<void> {
  const bytes = await files.read(from);
  if (sha256Of(bytes) !== sha256)
    throw new StatectlError('generation-mismatch', `${from} is not what was shipped: the disk changed it`, {
      hint: 'an older generation of the branch lies beside it; look at the disk',
    });
  await files.mkdir(dirname(to), 0o700);
  await files.write(to, bytes, { mode: 0o600 });
}
