import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STATE } from '../../fixtures/volume/management-guest.ts';
import { DEVICE, NODE, VolumeLab } from '../../fixtures/volume/volume-lab.ts';

const RESOURCE = 'voron.database';
const UP = 'WFConnection, Secondary/Unknown, UpToDate/DUnknown';
const COPIES = `${STATE}/drbd/copies/${RESOURCE}`;

let lab: VolumeLab;
const run = (line: string) => lab.management.vm.run(line);
/** As a machine would, by this side. */
const writeFiles = (line: string) =>
  run(`drbdadm primary all && mount ${DEVICE} /mnt && ${line} && umount /mnt && drbdadm secondary all`);

describe('a management host whose state lies on btrfs', () => {
  beforeAll(async () => {
    lab = await VolumeLab.make({ logName: 'drbd-verbs' });
    await lab.management.boot();
  });
  afterAll(() => lab?.[Symbol.asyncDispose]());

  test('makes volume, file system and resource by --apply, and does nothing a second time', async () => {
    const plan = await lab.management.drbd(NODE);
    expect(plan).toMatch(/What --apply does[^]*mkfs\.ext4[^]*create-md[^]*drbdadm adjust voron\.database/);
    expect(plan).not.toMatch(/shared-secret "[0-9a-f]/);
    expect(await run('ls /etc/drbd.d')).toBe('global_common.conf');
    expect(await lab.management.drbd(`${NODE} --apply`)).toContain(`${RESOURCE}: made; ${UP}`);
    expect(await run(`stat -c '%a %U' /etc/drbd.d/statectl-${RESOURCE}.res`)).toBe('600 root');
    await writeFiles('echo kept >/mnt/kept');
    expect(await lab.management.drbd(`${NODE} --apply`)).toContain(`${RESOURCE}: nothing to do; ${UP}`);
  });

  test('has units of systemd that bring it up and copy it', async () => {
    await run(`drbdadm down all; losetup --detach $(readlink /run/statectl/drbd/${RESOURCE})`);
    await run('systemctl start statectl-drbd.service statectl-drbd-snapshots.service');
    expect(await run('cat /proc/drbd')).toContain('cs:WFConnection ro:Secondary/Unknown ds:UpToDate/DUnknown');
    expect(await run(`cat ${COPIES}/0*-*Z/kept`)).toBe('kept');
    expect(await run('systemctl is-enabled statectl-drbd.service statectl-drbd-snapshots.timer')).toBe(
      'enabled\nenabled',
    );
  });

  test('brings it up by --up after a power cut, with what was in it and its copies', async () => {
    await lab.management.boot();
    expect(await run('cat /proc/drbd')).not.toContain('WFConnection');
    for (const _ of ['makes', 'leaves']) expect(await lab.management.drbd('all --up')).toContain(`${RESOURCE}: ${UP}`);
    expect(await run(`cat ${COPIES}/0*-*Z/kept`)).toBe('kept');
    await writeFiles('test "$(cat /mnt/kept)" = kept');
  });
});

describe('a management host with a volume group', () => {
  let dir: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'statectl-lvm-'));
    const disk = join(dir, 'lvm.img');
    await writeFile(disk, '');
    await truncate(disk, 256 << 20);
    lab = await VolumeLab.make({ logName: 'drbd-lvm', moreDisks: [disk] });
    await lab.management.boot();
    await run('vgcreate --quiet vg0 /dev/vdd');
  });
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  test('makes the volume in it, and copies it by snapshots of LVM that another boot finds', async () => {
    const apply = `${NODE} --apply --volume-group vg0`;
    expect(await lab.management.drbd(apply)).toContain(`${RESOURCE}: made; ${UP}`);
    expect(await lab.management.drbd(apply)).toContain(`${RESOURCE}: nothing to do; ${UP}`);
    await writeFiles('echo before >/mnt/when');
    await lab.management.drbd('all --snapshots');
    await writeFiles('echo after >/mnt/when');
    expect(await run(`cat ${COPIES}/0*-*Z/when`)).toBe('before');
    expect(await run('lvs --noheadings -o origin vg0 | sort -u | xargs')).toBe(`statectl-${RESOURCE}`);

    await lab.management.boot();
    // As Debian's lvm2 does at its boot, which this guest has only since then.
    await run('vgchange --quiet --activate y vg0');
    expect(await lab.management.drbd('all --up')).toContain(`${RESOURCE}: ${UP}`);
    expect(await run(`cat ${COPIES}/0*-*Z/when`)).toBe('before');
    await writeFiles('test "$(cat /mnt/when)" = after');
  });
});
