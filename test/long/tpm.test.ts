import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BootRecord } from '../../src/machine/boot-record.ts';
import { bootMachine } from '../boot/lab/machine.ts';
import { type ServedImages, serveImages } from '../boot/lab/serve-images.ts';
import { type MachineKeys, machineKeys } from '../fixtures/identity/machine-keys.ts';
import { startSoftwareTpm } from '../fixtures/identity/swtpm.ts';
import { type DiskFile, makeDisk } from '../fixtures/vm/disk.ts';

/** Signed, and not sealed. */
const HOST_KEY = ['ssh_host_key', 'ssh_host_key-cert.pub', 'ssh_host_key.pub'];
const UUID = '11111111-2222-3333-4444-000000000020';
const DISKLESS = '11111111-2222-3333-4444-000000000021';

describe('a machine with a TPM', () => {
  const closing = new AsyncDisposableStack();
  let dir: string;
  let server: ServedImages;
  let disk: DiskFile;
  let enrolments: MachineKeys;
  let first: string | undefined;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'statectl-tpm-'));
    closing.defer(() => rm(dir, { recursive: true }));
    await cp('config.d', join(dir, 'config.d'), { recursive: true });
    const node = `match: { uuid: ${UUID} }\nset: { identity: { names: [print20.lab] } }\n`;
    await writeFile(join(dir, 'config.d/nodes/print20.conf'), node);
    await writeFile(
      join(dir, 'config.d/nodes/print21.conf'),
      node.replace(UUID, DISKLESS).replace('print20', 'print21'),
    );
    disk = closing.use(await makeDisk({ type: 'ext4', label: 'user-data', sizeMiB: 256 }));
    server = closing.use(await serveImages('tiny', { config: join(dir, 'config.d'), enrols: true }));
    enrolments = closing.use(await machineKeys(server.state));
  });
  afterAll(() => closing.disposeAsync());

  /** One boot with the TPM of this name: what came of its identity, and the files that it keeps. */
  async function bootWith(name: string) {
    await using tpm = await startSoftwareTpm(join(dir, name), 'qemu');
    await using vm = await bootMachine({ server, uuid: UUID, memoryMiB: 512, disks: [disk], tpm: tpm.socket });
    await vm.console(/tiny: init/);
    const record = JSON.parse(await vm.read('/run/statectl/boot.json')) as BootRecord;
    // The SSH host key is not sealed: /init places it too, when the controller cannot run.
    const kept = await vm.shell(
      'cd /user-data/persistent/statectl/identity; ls -1; grep -ls -e "PRIVATE KEY" -e AGE-SECRET-KEY machine.* secrets.* | sed "s/$/-in-the-clear/"',
    );
    await vm.shell('sync');
    return { ...record, kept };
  }

  test('keeps its key sealed, and waits for a person', async () => {
    const { identity, kept } = await bootWith('ours');
    expect(identity).toMatchObject({ state: 'pending', key: 'sealed' });
    expect(kept).toBe('machine.key');
    first = identity?.fingerprint;
    const [waiting] = await enrolments.list('pending');
    if (!waiting) throw new Error('nobody waits');
    await enrolments.approve({ ...waiting, node: 'print20', proof: 'person' });
  });

  test('is the same one at its next boot', async () => {
    const { identity, kept } = await bootWith('ours');
    expect(identity).toMatchObject({ state: 'approved', node: 'print20', key: 'sealed', fingerprint: first });
    expect(kept.split(/\s+/).toSorted()).toEqual([
      'machine.key',
      'machine.pem',
      'secrets.age',
      'secrets.key',
      ...HOST_KEY,
    ]);
  });

  test('is nobody any more when its disk is carried to another machine, which waits as an alarm', async () => {
    const { identity, warnings } = await bootWith('other');
    expect(identity).toMatchObject({ state: 'pending', key: 'sealed' });
    expect(identity?.fingerprint).not.toBe(first);
    expect(warnings).toContainEqual(expect.stringContaining('machine.key cannot be opened, and another one is made'));
    expect(await enrolments.list('pending')).toMatchObject([
      { alarm: expect.stringContaining('print20 has another key already') },
    ]);
  });

  test('and no disk has the same key at each boot, so that a person vouches for it once', async () => {
    const boot = async () => {
      await using tpm = await startSoftwareTpm(join(dir, 'diskless'), 'qemu');
      await using vm = await bootMachine({ server, uuid: DISKLESS, memoryMiB: 512, tpm: tpm.socket });
      await vm.console(/tiny: init/);
      return (JSON.parse(await vm.read('/run/statectl/boot.json')) as BootRecord).identity;
    };
    const before = await boot();
    expect(before).toMatchObject({ state: 'pending', key: 'tpm' });
    const waiting = (await enrolments.list('pending')).find(({ node }) => node === 'print21');
    if (!waiting) throw new Error('nobody waits');
    await enrolments.approve({ ...waiting, node: 'print21', proof: 'person' });
    expect(await boot()).toMatchObject({ state: 'approved', node: 'print21', fingerprint: before?.fingerprint });
  });
});
