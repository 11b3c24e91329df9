import { reasonOf, StatectlError } from '../../error.ts';
import { verifyFile } from '../../fetch/verify-file.ts';
import type { Host } from '../../host/host.ts';
import { retry } from '../../host/retry.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { resolveInTree } from '../../host/tree.ts';
import { userDataDevice } from '../facts/disks.ts';
import type { Facts } from '../facts/facts.ts';
import type { PythonFacts, PythonPackage, WantedArchive } from '../facts/python-facts.ts';
import { RUN_INITRAMFS } from '../paths.ts';
import { at, type MachineHost } from '../roots.ts';
import { archiveFormat, checkArchive } from './archive.ts';
import { PYTHONPATH_MARK } from './python-steps.ts';

const SIZE_TRIES = 2;

/** Which archives of python.conf are not in the store whole, and how large they are by their servers. */
export async function pythonArchives(host: Host, facts: Facts, boot: TaskContext): Promise<PythonFacts | undefined> {
  const {
    config,
    network: { leases = [] },
  } = facts;
  const isKept = userDataDevice(facts) !== undefined;
  const store = isKept ? '/user-data/persistent/statectl/python' : `${RUN_INITRAMFS}/python`;
  const named = new Map<string, string[]>();
  for (const { url, sha256 } of Object.values(config.python))
    named.set(sha256, [...new Set([...(named.get(sha256) ?? []), url])]);
  const stale = (await host.files.list(store).catch(() => []))
    .filter((file) => !named.has(file.replace(/\.part$/, '')))
    .map((file) => `${store}/${file}`);
  if (named.size === 0) return stale.length > 0 ? { store, wanted: [], stale } : undefined;
  const wanted: WantedArchive[] = [];
  const silent = new Set<string>();
  for (const [sha256, urls] of named) {
    if (await isWhole(host, `${store}/${sha256}`, sha256)) continue;
    try {
      if (leases.length === 0) throw new Error('no interface has an address');
      const awake = urls.filter((url) => !silent.has(new URL(url).host));
      if (awake.length === 0) throw new Error('its server did not answer just now');
      wanted.push({ urls, sha256, sizeBytes: await sizeOf(host, awake, facts, boot) });
    } catch (error) {
      for (const url of urls) silent.add(new URL(url).host);
      boot.warn(`${urls[0]} of python.conf is not fetched: ${reasonOf(error)}`);
    }
  }
  return { store, wanted, stale };
}

async function isWhole(host: Host, path: string, sha256: string): Promise<boolean> {
  const stat = await host.files.stat(path);
  if (stat?.type !== 'file') return false;
  return verifyFile(host, { path, sha256, sizeBytes: stat.sizeBytes }).then(
    () => true,
    () => false,
  );
}

/** python.conf names no size; the digest holds what comes to its word. */
async function sizeOf(host: Host, urls: readonly string[], { config }: Facts, boot: TaskContext): Promise<number> {
  const { connectMs, stallMs } = config.server;
  const limits = { connectTimeoutMs: connectMs, idleTimeoutMs: stallMs, signal: boot.signal };
  return retry(host.clock, { tries: SIZE_TRIES, baseMs: 500, maxMs: 1000, signal: boot.signal }, async (attempt) => {
    const url = urls[(attempt - 1) % urls.length] ?? '';
    for (const method of ['HEAD', 'GET'] as const) {
      const { status, headers, body } = await host.http.request(url, { method, ...limits });
      for await (const _ of body) break;
      const size = headers['content-length'];
      if (status === 200 && size !== undefined && /^\d+$/.test(size)) return Number(size);
      if (status === 404 || method === 'GET')
        throw new StatectlError('http-status', status === 200 ? `${url} tells no size` : `${url} answered ${status}`);
    }
    throw new StatectlError('http-status', `${url} tells no size`);
  });
}

/** What is in the store now is hashed again, and looked through before anything is unpacked. */
export async function pythonPackages(
  host: MachineHost,
  facts: Facts,
  boot: TaskContext,
): Promise<PythonFacts | undefined> {
  const {
    config,
    system: { python },
  } = facts;
  if (!python) return undefined;
  const packages: PythonPackage[] = [];
  for (const [name, { sha256, services, overlay }] of Object.entries(config.python))
    try {
      const path = `${python.store}/${sha256}`;
      if (!(await isWhole(host, path, sha256))) throw new Error('it is not on this machine');
      const format = await formatOf(host, path);
      if (!format) throw new Error('it is neither tar, tar.gz, tar.xz, zip nor wheel');
      await checkArchive(host.own, at(host.roots, path), format);
      const folder = overlay && (await overlayFolder(host, overlay, name, boot));
      packages.push({ name, sha256, format, services: [...new Set(services)], ...(folder && { overlay: folder }) });
    } catch (error) {
      boot.warn(`the system goes without ${name} of python.conf: ${reasonOf(error)}`);
    }
  const named = [...new Set(packages.flatMap(({ services }) => services))];
  return { ...python, packages, serviceSettings: await serviceSettings(host, named) };
}

async function formatOf({ files }: Host, path: string) {
  for await (const head of files.readStream(path)) return archiveFormat(head);
  return undefined;
}

async function overlayFolder({ files }: Host, overlay: string, name: string, boot: TaskContext) {
  const found = await resolveInTree(files, '/', overlay).catch(() => undefined);
  // mount(8) takes options apart at commas, overlayfs folders at colons.
  const isOdd = /[,:\\]/.test(found?.path ?? '');
  if (found?.stat.type === 'dir' && found.path !== '/' && !isOdd) return found.path;
  const why = isOdd ? 'has a comma, colon or backslash in its name' : 'is no folder of the image';
  boot.warn(`${name} of python.conf is laid over nothing: ${overlay} ${why}`);
  return undefined;
}

/** Without the line of a boot before, where /etc persists. */
async function serviceSettings({ files }: Host, services: readonly string[]) {
  const texts: Record<string, string> = {};
  for (const service of services) {
    const text = await files.readText(`/etc/conf.d/${service}`).catch(() => '');
    const lines = text.split('\n').filter((line) => !line.endsWith(PYTHONPATH_MARK));
    if (text !== '') texts[service] = lines.join('\n').replace(/\n*$/, '\n');
  }
  return texts;
}
