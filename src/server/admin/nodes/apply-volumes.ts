import { StatectlError } from '../../../error.ts';
import { loadedDrbd } from '../../../host/kernel/drbd.ts';
import { drbdVersion } from '../../../host/kernel/drbd-status.ts';
import { applyStep, describeStep, runAsRoot } from '../../state/drbd/apply-step.ts';
import type { Refusal } from '../../state/drbd/plan-volume.ts';
import { resourcePath } from '../../state/drbd/resource-file.ts';
import { takeDownCommands } from '../../state/drbd/take-down.ts';
import { ENABLED_UNITS, UNIT_FOLDER, type Unit } from '../../state/drbd/units.ts';
import { copyVolume, mountCopies } from '../../state/drbd/volume-copies.ts';
import { hostFacts } from '../../state/drbd/volume-facts.ts';
import { diskOf } from '../../state/drbd/volume-paths.ts';
import { readVolume, type Volume, volumesIn, writeVolume } from '../../state/drbd/volume-record.ts';
import { standingText, volumeStanding } from '../../state/drbd/volume-standing.ts';
import { lockPrinter } from '../../state/state-folder.ts';
import type { Store } from '../../store/store.ts';
import type { ServerState } from '../server-state.ts';
import { type PlannedVolume, planOf } from './node-volumes.ts';

/** What was done for a volume, in commands; nothing: it was there. */
export interface AppliedVolume {
  readonly volume: string;
  readonly done: readonly string[];
  readonly notes: readonly string[];
  readonly standing: string;
}

/**
 * Does what a plan has, as root on the management host, and nothing a second time. `store` is the owner's, everything else is done as root.
 * Throws `volume-refused`, `volume-failed`.
 */
export async function applyVolume(state: ServerState, store: Store, planned: PlannedVolume): Promise<AppliedVolume> {
  const { volume, plan, resourceText, sizeBytes } = planned;
  const { host } = state;
  if ('refused' in plan) throw refusedError(volume, plan.refused);
  if (!volume.made) await keepBacking(store, volume);
  const diskBytes = async (): Promise<number> => (await bytesOf(state, volume)) ?? sizeBytes;
  const done: string[] = [];
  for (const step of plan.steps) {
    await applyStep(step, {
      host,
      resourceText,
      diskBytes,
      noteMade: async () => noteMade(store, volume, await diskBytes()),
    });
    done.push(describeStep(step, await diskBytes()));
  }
  const standing = standingText(await volumeStanding(host, volume));
  return { volume: volume.resource, done, notes: plan.notes, standing };
}

/** A run that goes on after this one knows where. */
async function keepBacking(store: Store, volume: Volume): Promise<void> {
  await using _lock = await lockPrinter(store, volume.printer);
  await writeVolume(store, volume);
}

/** Whole blocks of DRBD's, as many as both sides have. */
async function noteMade(store: Store, { printer, item }: Volume, diskBytes: number): Promise<void> {
  await using _lock = await lockPrinter(store, printer);
  const volume = await readVolume(store, printer, item);
  const bytes = diskBytes - (diskBytes % 4096);
  if (volume) await writeVolume(store, { ...volume, made: { atMs: store.host.clock.now(), bytes } });
}

async function bytesOf({ host: { exec } }: ServerState, volume: Volume): Promise<number | undefined> {
  const found = await exec.run(['blockdev', '--getsize64', diskOf(volume)]).catch(() => undefined);
  return found?.exitCode === 0 ? Number(found.stdout) : undefined;
}

function refusedError({ resource }: Volume, refused: readonly Refusal[]): StatectlError {
  return new StatectlError('volume-refused', `${resource}: ${refused.map(({ why }) => why).join('; ')}`, {
    hint: [...new Set(refused.map(({ next }) => next))].join('; '),
  });
}

/** One of many: what fails of it keeps nobody else back. */
export type OfEach<T> = { readonly volume: string } & (T | { readonly error: unknown });

/** Of all that were made, or of those of one node. */
async function ofEach<T extends object>(
  store: Store,
  node: string | undefined,
  task: (volume: Volume) => Promise<T>,
): Promise<readonly OfEach<T>[]> {
  const { volumes, torn } = await volumesIn(store);
  const all: OfEach<T>[] = torn.map((error) => ({ volume: 'one that is torn', error }));
  for (const volume of volumes.filter((one) => one.made && (node === undefined || one.node === node))) {
    const name = volume.resource;
    all.push(
      await task(volume).then(
        (result) => ({ ...result, volume: name }),
        (error: unknown) => ({ volume: name, error }),
      ),
    );
  }
  return all;
}

/** After a reboot of this host: up again, and their copies mounted. Nothing is made. */
export async function bringUpVolumes(state: ServerState, store: Store, node: string | undefined) {
  const { host } = state;
  const facts = await hostFacts(host);
  // drbdadm reads the files of all, and the one of 8.4 not those of 9: first none is as another module wanted it.
  const plans = await ofEach(store, node, async (volume) => {
    const planned = await planOf(state, store, volume, facts, volume.made?.bytes ?? 0);
    if ('steps' in planned.plan && planned.plan.steps.some((step) => step.do === 'write-resource'))
      await host.files.write(resourcePath(volume), planned.resourceText, { mode: 0o600 });
    return { planned };
  });
  return ofEach(store, node, async (volume) => {
    const found = plans.find((one) => one.volume === volume.resource);
    if (!found || 'error' in found) throw found?.error;
    const applied = await applyVolume(state, store, found.planned);
    await mountCopies({ root: store.root, host }, volume);
    return applied;
  });
}

/** Before this host ends: what a machine writes meanwhile is brought at the next `bringUpVolumes`. */
export async function takeDownVolumes({ host }: ServerState, store: Store, node: string | undefined) {
  const version = drbdVersion(await loadedDrbd(host.files)) ?? 8;
  return ofEach(store, node, async (volume) => {
    for (const argv of takeDownCommands(version, volume, await volumeStanding(host, volume)))
      await runAsRoot(host, argv);
    return { standing: standingText(await volumeStanding(host, volume)) };
  });
}

/** A copy of each, mounted read-only. */
export const copyVolumes = async (state: ServerState, store: Store, node: string | undefined) =>
  ofEach(store, node, async (volume) => {
    const { id } = await copyVolume({ root: store.root, host: state.host }, volume);
    return { copy: id };
  });

/** Writes units that are not there yet, and enables them. false: no systemd runs here. Throws `volume-failed`. */
export async function installUnits({ host: { files, exec } }: ServerState, units: readonly Unit[]): Promise<boolean> {
  if ((await files.stat('/run/systemd/system'))?.type !== 'dir') return false;
  let isNew = false;
  for (const { name, text } of units) {
    const path = `${UNIT_FOLDER}/${name}`;
    if ((await files.readText(path).catch(() => undefined)) === text) continue;
    await files.write(path, text);
    isNew = true;
  }
  if (!isNew) return true;
  for (const argv of [
    ['systemctl', 'daemon-reload'],
    ['systemctl', 'enable', ...ENABLED_UNITS],
    ['systemctl', 'start', '--no-block', ENABLED_UNITS[1]],
  ]) {
    const { exitCode, stderr } = await exec.run(argv);
    if (exitCode !== 0)
      throw new StatectlError('volume-failed', `${argv.join(' ')} failed: ${stderr.trim()}`, {
        hint: `the volumes are up; see the units below ${UNIT_FOLDER}`,
      });
  }
  return true;
}
