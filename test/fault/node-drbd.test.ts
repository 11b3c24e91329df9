import { expect, it } from 'vitest';
import type { Host } from '../../src/host/host.ts';
import { memoryHost } from '../../src/host/memory.ts';
import { applyVolume } from '../../src/server/admin/nodes/apply-volumes.ts';
import { lockVolumes, planVolumes, type VolumeNode } from '../../src/server/admin/nodes/node-volumes.ts';
import { serverState } from '../../src/server/admin/server-state.ts';
import { readVolume } from '../../src/server/state/drbd/volume-record.ts';
import { loadFiles } from '../fixtures/config.ts';
import { failingHost } from '../fixtures/hosts/failing.ts';

const RESOURCE = 'voron.database';
const IMAGE = `/state/drbd/${RESOURCE}.img`;
const SIZE = 1 << 20;

/** A management host whose disks, loop devices and resources are what its programs did to them. */
function managementHost() {
  const signatures: { type: string; uuid?: string }[] = [];
  const made: string[] = [];
  let loop: string | undefined;
  const host = memoryHost({
    files: {
      '/proc/self': { type: 'symlink', target: '7' },
      '/proc/7/stat': `7 (statectl) ${'0 '.repeat(20)}`,
      '/proc/7/status': 'Uid:\t0\t0\t0\t0\n',
      '/proc/7/ns/pid': { type: 'symlink', target: 'pid:[1]' },
      '/proc/sys/kernel/random/boot_id': 'first',
      '/proc/sys/kernel/hostname': 'boot\n',
      '/proc/self/mountinfo': '',
      '/etc/drbd.d/global_common.conf': '',
    },
    programs: {
      sh: () => '',
      ip: () => JSON.stringify([{ addr_info: [{ local: '192.168.7.1', prefixlen: 24, scope: 'global' }] }]),
      modprobe: () => undefined,
      modinfo: () => '8.4.11\n',
      blockdev: () => (loop === undefined ? { exitCode: 1 } : `${SIZE}\n`),
      wipefs: () => (signatures.length === 0 ? '' : JSON.stringify({ signatures })),
      fallocate: async ([, , length = '', path = '']) => {
        await host.files.write(path, Buffer.alloc(Number(length)));
        signatures.length = 0;
      },
      losetup: ([, word]) => {
        if (word === '--associated') return loop === undefined ? '' : `${loop}\n`;
        loop = `/dev/loop${made.length}`;
        return `${loop}\n`;
      },
      'mkfs.ext4': (argv) => {
        made.push('mkfs');
        signatures.push({ type: 'ext4', uuid: argv[argv.indexOf('-U') + 1] ?? '' });
      },
      drbdmeta: () => void signatures.push({ type: 'drbd' }),
      drbdadm: ([, word]) => void made.push(word ?? ''),
    },
  });
  return { host, signatures, made };
}

const node = async (): Promise<VolumeNode> => ({
  name: 'print07',
  config: withSize(
    await loadFiles({
      'system/overlays.conf': '/home: { kind: tmpfs }\n',
      'system/network.conf': 'interfaces: { eth0: { addresses: [192.168.7.107/24] } }\n',
      'system/state.conf':
        'printers: { voron: { data: /home/pi/data, user: pi } }\nplaces: { /home/pi/data/database: { kind: drbd, printer: voron, size: 16M } }\n',
    }),
  ),
});
/** One that tests copy quickly. */
function withSize(config: VolumeNode['config']): VolumeNode['config'] {
  return JSON.parse(JSON.stringify(config).replaceAll(String(16 << 20), String(SIZE))) as VolumeNode['config'];
}

async function apply(host: Host, of: VolumeNode): Promise<void> {
  const state = serverState('/state', host);
  const store = await state.files('create');
  await using _lock = await lockVolumes(store);
  for (const planned of await planVolumes(state, store, of, {})) await applyVolume(state, store, planned);
}

it.each(['error', 'stop'] as const)(
  'a volume that is made and cut off by %s at any effect is made to its end by the next run, its file system once',
  { timeout: 240_000 },
  async (how) => {
    const of = await node();
    for (let at = 1; ; at += 1) {
      const { host, signatures, made } = managementHost();
      const failing = failingHost(host, { at, how });
      const first = await apply(failing, of).catch((error: unknown) => error);
      const where = `${how} at effect ${at}: ${failing.asked.at(at - 1)}`;
      const store = { root: '/state', host };
      const portThen = (await readVolume(store, 'voron', 'database').catch(() => undefined))?.port;
      await host.files.write('/proc/sys/kernel/random/boot_id', 'second');
      await apply(host, of);
      expect(
        signatures.map(({ type }) => type),
        where,
      ).toEqual(['ext4', 'drbd']);
      expect(
        made.filter((one) => one === 'mkfs'),
        where,
      ).toHaveLength(1);
      const volume = await readVolume(store, 'voron', 'database');
      expect(volume, where).toMatchObject({ port: portThen ?? 7900, made: { bytes: SIZE } });
      expect(signatures[0]?.uuid, where).toBe(volume?.fileSystem);
      const resource = await host.files.readText(`/etc/drbd.d/statectl-${RESOURCE}.res`);
      expect(resource, where).toMatch(/shared-secret "[0-9a-f]{60}"/);
      expect((await host.files.stat(IMAGE))?.sizeBytes, where).toBe(SIZE);
      const before = made.length;
      await apply(host, of);
      // As it would be with DRBD up, nothing but a look.
      expect(made.slice(before), where).toEqual(['adjust']);
      expect(await host.files.readText(`/etc/drbd.d/statectl-${RESOURCE}.res`)).toBe(resource);
      if (failing.effects < at) {
        expect(first).toBeUndefined();
        expect(at).toBeGreaterThan(40);
        return;
      }
    }
  },
);
