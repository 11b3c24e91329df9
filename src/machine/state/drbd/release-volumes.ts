import { reasonOf } from '../../../error.ts';
import type { Host } from '../../../host/host.ts';
import { parseMounts } from '../../../host/kernel/mount-table.ts';
import { RUN } from '../../paths.ts';
import { KEPT_STATE } from '../plan-printers.ts';
import { readSession } from '../printer-session.ts';
import type { Volume } from './command-words.ts';
import { keepFolder } from './keep-folder.ts';
import { deviceOf, makeSecondary, statusOf, takeDown } from './volume.ts';

type Machine = Pick<Host, 'exec' | 'files' | 'clock' | 'console'>;

/** What a slow line still has to take is waited for so long, and a server that is away shorter: it may be restarting. */
const SEND_MS = 60_000;
const AWAY_MS = 10_000;
const LOOK_MS = 100;

/** One of a printer's volumes, with the names that a person knows. */
interface Named {
  readonly volume: Volume;
  readonly what: string;
  readonly base: string | null;
  readonly kept: string;
}

/**
 * On the way down, when nobody uses them any more and the network is still there: each volume is unmounted, sent to its end as far
 * as time is, and given up. What the server lacks then is told. Never throws: the machine goes down whatever comes of it.
 */
export async function releaseVolumes(host: Machine): Promise<void> {
  const volumes = await volumesOf(host);
  await Promise.all(
    volumes.map((one) =>
      release(host, one).catch((error: unknown) => host.console.line('warning', `${one.what}: ${reasonOf(error)}`)),
    ),
  );
}

async function volumesOf({ files }: Machine): Promise<readonly Named[]> {
  const names = await files.list(`${RUN}/state`).catch(() => []);
  const found: Named[] = [];
  for (const printer of names) {
    const { items = {} } = (await readSession(files, printer)) ?? {};
    for (const [item, session] of Object.entries(items))
      if (session?.volume) {
        const { volume, base } = session;
        found.push({ volume, base, what: `${printer} ${item}`, kept: `${KEPT_STATE}/${printer}/${item}` });
      }
  }
  return found;
}

async function release(host: Machine, named: Named): Promise<void> {
  const { volume, what } = named;
  if ((await statusOf(host, volume)) === undefined) return;
  await unmount(host, named);
  const lacks = await untilSent(host, volume);
  if (lacks !== undefined) host.console.line('warning', `${what}: ${lacks}`);
  // What is still open cannot be given up: the server hears of its end as of a power cut.
  const isFree = await makeSecondary(host, volume).then(
    () => true,
    () => false,
  );
  if (isFree) await takeDown(host, volume);
}

async function unmount({ exec, files, console }: Machine, { volume, what, base, kept }: Named): Promise<void> {
  const mounts = parseMounts(await files.readText('/proc/mounts'));
  const target = mounts.find(({ source }) => source === deviceOf(volume))?.target;
  if (target === undefined) return;
  const folder = await files.stat(target);
  if (folder && base !== null && (await files.stat(kept)))
    await keepFolder({ host: { files }, item: { path: target }, account: folder, kept }, base).catch((error: unknown) =>
      console.line('warning', `${what}: not kept on the disk of this machine: ${reasonOf(error)}`),
    );
  const { exitCode, stderr } = await exec.run(['umount', target]);
  if (exitCode === 0) return;
  console.line('warning', `${what}: ${stderr.trim() || `${target} is still in use`}`);
  await exec.run(['mount', '-o', 'remount,ro', target]);
  await exec.run(['sync', '-f', target]);
}

/** Undefined: the server has all of it. */
async function untilSent(host: Machine, volume: Volume): Promise<string | undefined> {
  const { clock } = host;
  const beginMs = clock.uptimeMs();
  for (;;) {
    const status = await statusOf(host, volume);
    if (!status) return 'the kernel lost it';
    const { connection, outOfSyncBytes, peerDisk } = status;
    const isAway = peerDisk === 'DUnknown';
    if (!isAway && outOfSyncBytes === 0 && peerDisk === 'UpToDate') return undefined;
    const isOver = clock.uptimeMs() - beginMs >= (isAway ? AWAY_MS : SEND_MS);
    if (isOver || connection === 'StandAlone')
      return outOfSyncBytes === 0
        ? undefined
        : `${outOfSyncBytes / 1024} KiB of what it wrote last are not on ${volume.peer} (${connection})`;
    await clock.sleep(LOOK_MS);
  }
}
