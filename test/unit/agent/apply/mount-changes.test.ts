import { describe, expect, it } from 'vitest';
import { appliedLines } from '../../../../src/commands/machine/applied-text.ts';
import { createDisk, type Disk } from '../../../fixtures/disks/disk.ts';
import { type RunningMachine, runningMachine } from '../../../fixtures/running-machine.ts';

const dataDisk = (name = 'vdc', label = 'data'): Disk => createDisk({ name, label, uuid: `uuid-${name}`, files: {} });
const entry = (changes: object = {}) => ({
  source: 'LABEL=data',
  type: 'auto' as const,
  options: ['noatime'],
  missing: 'ignore' as const,
  ...changes,
});
const fstab = (mounts: Record<string, ReturnType<typeof entry>>) => ({ config: { fstab: mounts } });
const mounted = ({ machine }: RunningMachine) =>
  machine.mounts.flatMap(({ source, target }) => (source.startsWith('/dev/vd') ? [`${source} ${target}`] : []));
const commands = ({ machine }: RunningMachine) => machine.commands.filter((line) => /^(mount|umount) /.test(line));
const TREE = { '/srv/data': { type: 'dir' }, '/opt/data': { type: 'dir' } } as const;

describe('a mount of fstab.conf', () => {
  it('that is new is checked and mounted; one that is dropped is unmounted', async () => {
    const running = await runningMachine({ disks: [dataDisk()], tree: TREE });
    running.serve(fstab({ '/srv/data': entry() }));
    expect(await running.refresh()).toMatchObject({ state: 'applied', applied: ['/srv/data'], needsReboot: [] });
    expect(mounted(running)).toEqual(['/dev/vdc /sysroot/srv/data']);
    expect(running.machine.commands).toContain('fsck.ext4 -p /dev/vdc');
    expect(await running.refresh()).toMatchObject({ state: 'unchanged', applied: [] });
    running.serve(fstab({}));
    expect(await running.refresh()).toMatchObject({ state: 'applied', applied: ['/srv/data'] });
    expect(mounted(running)).toEqual([]);
  });

  it('moves to another place, and gets a folder where it can be made', async () => {
    const running = await runningMachine({ disks: [dataDisk()], tree: TREE, ...fstab({ '/srv/data': entry() }) });
    running.serve(fstab({ '/var/new/data': entry() }));
    expect(await running.refresh()).toMatchObject({ applied: ['/srv/data', '/var/new/data'], needsReboot: [] });
    expect(mounted(running)).toEqual(['/dev/vdc /sysroot/var/new/data']);
  });

  it('whose options change is mounted anew with them, those that it loses said too', async () => {
    const running = await runningMachine({
      disks: [dataDisk()],
      tree: TREE,
      ...fstab({ '/srv/data': entry({ options: ['nodev', 'noexec'] }) }),
    });
    running.serve(fstab({ '/srv/data': entry({ options: ['nodev', 'noatime'] }) }));
    expect(await running.refresh()).toMatchObject({ applied: ['/srv/data'], needsReboot: [] });
    expect(commands(running).at(-1)).toBe('mount -o remount,rw,suid,exec,nodev,noatime /dev/vdc /sysroot/srv/data');
    expect(await running.refresh()).toMatchObject({ state: 'unchanged', applied: [] });
  });

  it('in the place of one of the layout changes its options, and no more', async () => {
    const running = await runningMachine({ disks: [dataDisk()], ...fstab({ '/home': entry() }) });
    running.serve(fstab({ '/home': entry({ options: ['nodev'] }) }));
    expect(await running.refresh()).toMatchObject({ applied: ['/home'], needsReboot: [] });
    running.serve(fstab({}));
    expect(await running.refresh()).toMatchObject({ applied: [], needsReboot: ['fstab./home'] });
    expect(mounted(running)).toEqual(['/dev/vdc /sysroot/home']);
  });

  it('waits while something must not be disturbed, is said to, and is made as soon as nothing is', async () => {
    const running = await runningMachine({ disks: [dataDisk()], tree: TREE, ...fstab({ '/opt/data': entry() }) });
    const lock = '/run/statectl/locks/print-voron';
    await running.host.files.mkdir('/run/statectl/locks');
    await running.host.files.write(
      lock,
      JSON.stringify({ holder: 'klipper of voron', what: 'prints a.gcode', since: '2026-01-01', until: '2999-01-01' }),
    );
    running.serve(fstab({ '/srv/data': entry() }));
    expect(await running.refresh()).toMatchObject({ applied: [], needsReboot: ['fstab./opt/data', 'fstab./srv/data'] });
    expect(mounted(running)).toEqual(['/dev/vdc /sysroot/opt/data']);
    const { needsReboot } = JSON.parse(await running.read('/run/statectl/applied.json'));
    const why = 'it waits for print-voron (klipper of voron: prints a.gcode)';
    expect(needsReboot[0]).toEqual({ path: 'fstab./opt/data', why, waits: true });
    expect(appliedLines({ atMs: 0, needsReboot, keptLocal: [], warnings: [] })).toBe(
      `  ! fstab./opt/data is not yet so: ${why}\n  ! fstab./srv/data is not yet so: ${why}\n`,
    );
    await running.host.files.remove(lock);
    expect(await running.refresh()).toMatchObject({ applied: ['/opt/data', '/srv/data'], needsReboot: [] });
    expect(mounted(running)).toEqual(['/dev/vdc /sysroot/srv/data']);
  });

  it('that is busy stays, waits for a reboot, and is tried again: never detached lazily', async () => {
    const disks = [dataDisk(), dataDisk('vdd', 'inner')];
    const inner = { '/srv/data': entry(), '/srv/data/in': entry({ source: 'LABEL=inner' }) };
    const running = await runningMachine({ disks, tree: TREE });
    running.serve(fstab(inner));
    await running.refresh();
    running.serve(fstab({ '/srv/data/in': inner['/srv/data/in'] }));
    expect(await running.refresh()).toMatchObject({ applied: [], needsReboot: ['fstab./srv/data'] });
    expect(mounted(running)).toHaveLength(2);
    expect(await running.read('/run/statectl/applied.json')).toContain('target is busy');
    expect(running.machine.commands.filter((line) => /umount.* -l/.test(line))).toEqual([]);
    running.serve(fstab({}));
    expect(await running.refresh()).toMatchObject({ applied: ['/srv/data/in', '/srv/data'], needsReboot: [] });
  });

  it.each([
    ['whose disk is not there', '/srv/data', entry({ source: 'LABEL=gone' })],
    ['that takes the place of one of the layout', '/home', entry()],
    ['whose folder can neither be found nor made', '/usr/share/data', entry()],
    ['that the kernel refuses', '/srv/data', entry({ type: 'xfs' })],
  ])('%s waits for a reboot', async (_title, mountPoint, wish) => {
    const running = await runningMachine({ disks: [dataDisk()], tree: TREE });
    running.serve(fstab({ [mountPoint]: wish }));
    const { needsReboot } = await running.refresh();
    expect(needsReboot.every((path) => path.startsWith(`fstab.${mountPoint}`))).toBe(true);
    expect(needsReboot).not.toEqual([]);
    expect(mounted(running)).toEqual([]);
    running.serve(fstab({}));
    expect(await running.refresh()).toMatchObject({ needsReboot: [] });
  });

  it('where somebody mounted something else is left alone', async () => {
    const running = await runningMachine({ disks: [dataDisk(), dataDisk('vdd', 'other')], tree: TREE });
    await running.host.exec.run(['mount', '-t', 'ext4', '/dev/vdd', '/srv/data']);
    running.serve(fstab({ '/srv/data': entry() }));
    expect(await running.refresh()).toMatchObject({ applied: [], needsReboot: ['fstab./srv/data'] });
    running.serve(fstab({}));
    expect(await running.refresh()).toMatchObject({ needsReboot: [] });
    expect(mounted(running)).toEqual(['/dev/vdd /sysroot/srv/data']);
  });
});
