import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEMO } from '../../build/demo.ts';
import type { AgentState } from '../../src/agent/agent-state.ts';
import type { ItemStatus } from '../../src/agent/state/item-status.ts';
import { linuxHost } from '../../src/host/linux/host.ts';
import { shellQuote } from '../../src/host/shell-line.ts';
import { openSecretStore } from '../../src/server/machines/secret-store.ts';
import { resourceText } from '../../src/server/state/drbd/resource-file.ts';
import { secretOf, writeVolume } from '../../src/server/state/drbd/volume-record.ts';
import type { DiskFile } from '../fixtures/vm/disk.ts';
import { cable } from '../fixtures/vm/network/cable.ts';
import { RestartableServer } from '../fixtures/vm/restartable-server.ts';
import { Watch } from '../fixtures/vm/watch.ts';
import { approvedMachine } from './approved-machine.ts';
import { bootMachine, type Machine } from './machine.ts';

const UUID = '11111111-2222-3333-4444-00000000000d';
const VOLUME_BYTES = 32 << 20;
/** On a cable between both. qemu's own network would answer for whoever it does not know. */
export const ADDRESSES = { machine: '192.168.77.2', server: '192.168.77.1' };
const RESOURCE = 'voron.database';
const MINOR = 100;
const PORT = 7900;

/** Where the machine has its volume. */
export const PLACE = '/home/pi/printer_data/database';

/**
 * A print host with a volume, the server's processes on this host, and the server's side of the volume in a guest of its own: a
 * management host that can be killed.
 */
export class VolumeLab implements AsyncDisposable {
  readonly #dir: string;
  readonly #disk: DiskFile;
  readonly #server: RestartableServer;
  readonly #ends: readonly [machine: string, management: string];
  readonly #resource: string;
  #machine: Machine | undefined;
  #management: Machine | undefined;
  #isMade = false;

  static async make(): Promise<VolumeLab> {
    const dir = await mkdtemp(join(tmpdir(), 'statectl-volume-'));
    await cp('config.d', join(dir, 'config.d'), { recursive: true });
    await writeFile(
      join(dir, 'config.d/nodes/print13.conf'),
      `match: { uuid: ${UUID} }
set:
  users: { users: { pi: { uid: 1000, home: /home/pi } } }
  overlays: { /home: { kind: tmpfs } }
  state:
    printers: { voron: { data: /home/pi/printer_data, user: pi } }
    places: { ${PLACE}: { kind: drbd, printer: voron, size: ${VOLUME_BYTES >> 20}M, address: ${ADDRESSES.machine} } }
`,
    );
    const state = join(dir, 'state');
    const disk = await approvedMachine(dir, { state, node: 'print13', uuid: UUID });
    const resource = await allotVolume(state);
    let lab: VolumeLab | undefined;
    const watch = new Watch((message) => new Error(`${message}\n${lab ? lab.#machine?.tail() : ''}`));
    const server = await RestartableServer.make(state, join(dir, 'config.d'), watch);
    await server.start();
    await writeFile(join(dir, 'volume.img'), '');
    await truncate(join(dir, 'volume.img'), VOLUME_BYTES);
    lab = new VolumeLab({ dir, disk, server, ends: await cable(), resource });
    return lab;
  }

  private constructor(parts: {
    readonly dir: string;
    readonly disk: DiskFile;
    readonly server: RestartableServer;
    readonly ends: readonly [string, string];
    readonly resource: string;
  }) {
    this.#dir = parts.dir;
    this.#disk = parts.disk;
    this.#server = parts.server;
    this.#ends = parts.ends;
    this.#resource = parts.resource;
  }

  get machine(): Machine {
    if (!this.#machine) throw new Error('the machine was not booted');
    return this.#machine;
  }

  get management(): Machine {
    if (!this.#management) throw new Error('the management host was not booted');
    return this.#management;
  }

  /** The state directory of the server. */
  get state(): string {
    return this.#server.state;
  }

  /** As after a power cut, if it ran; until its login prompt. */
  async bootMachine(): Promise<Machine> {
    await this.killMachine();
    this.#machine = await bootMachine({
      uuid: UUID,
      disks: [{ file: `${DEMO.image}/root.squashfs`, temporary: true }, this.#disk],
      nics: [{}, { netdev: this.#ends[0] }],
      cmdline: `root=/dev/vda ip=eth0:dhcp ip=${ADDRESSES.machine}:::255.255.255.0::eth1:none statectl.server=${this.#server.url}`,
    });
    await this.#machine.console(/login: /);
    return this.#machine;
  }

  /** Pulls its plug. */
  async killMachine(): Promise<void> {
    await this.#machine?.[Symbol.asyncDispose]();
    this.#machine = undefined;
  }

  /** With its disk as it was; the first time it makes the volume. */
  async bootManagement(): Promise<Machine> {
    await this.killManagement();
    const vm = await bootMachine({
      uuid: '11111111-2222-3333-4444-00000000000e',
      disks: [{ file: `${DEMO.image}/root.squashfs`, temporary: true }, { file: join(this.#dir, 'volume.img') }],
      nics: [{ netdev: this.#ends[1], mac: '52:54:00:12:34:99' }],
      memoryMiB: 512,
      cmdline: `root=/dev/vda ip=${ADDRESSES.server}:::255.255.255.0::eth0:none`,
    });
    this.#management = vm;
    await vm.console(/login: /);
    await vm.run('hostname management; modprobe drbd');
    await vm.run(`printf %s ${shellQuote(this.#resource)} > /etc/drbd.d/volume.res`);
    const made = [
      `drbdmeta --force ${MINOR} v08 /dev/vdb internal create-md`,
      `drbdadm up ${RESOURCE}`,
      `drbdadm primary --force ${RESOURCE}`,
      `mkfs.ext4 -q -m 0 /dev/drbd${MINOR}`,
      `drbdadm secondary ${RESOURCE}`,
    ];
    await vm.run((this.#isMade ? [`drbdadm up ${RESOURCE}`] : made).join(' && '));
    this.#isMade = true;
    return vm;
  }

  async killManagement(): Promise<void> {
    await this.#management?.[Symbol.asyncDispose]();
    this.#management = undefined;
  }

  /** How the agent says that the volume stands. */
  async standing(): Promise<ItemStatus | undefined> {
    const file = await this.machine.run('cat /run/statectl/agent.json').catch(() => '{}');
    return (JSON.parse(file) as Partial<AgentState>).printers?.voron?.items?.database;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.killMachine();
    await this.killManagement();
    await this.#server.stop();
    await this.#disk[Symbol.asyncDispose]();
    await rm(this.#dir, { recursive: true });
  }
}

/** As `statectl node drbd print13 --apply` leaves it on a management host. Gives the resource for that. */
async function allotVolume(state: string): Promise<string> {
  const host = linuxHost();
  const store = { host, root: state };
  const secret = randomBytes(30).toString('hex');
  const volume = {
    ...{ printer: 'voron', item: 'database', node: 'print13', resource: RESOURCE, port: PORT, minor: MINOR },
    ...{ addresses: ADDRESSES, fileSystem: '00000000-0000-4000-8000-000000000001' },
    made: { atMs: 1, bytes: VOLUME_BYTES },
  };
  await writeVolume(store, volume);
  await (await openSecretStore(host, state)).write(secretOf(volume), Buffer.from(secret));
  return resourceText({
    ...{ resource: RESOURCE, port: PORT, minor: MINOR, secret },
    server: { host: 'management', address: ADDRESSES.server, disk: '/dev/vdb' },
    machine: { node: 'print13', address: ADDRESSES.machine },
  });
}
