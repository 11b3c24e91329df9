import { describe, expect, it } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import {
  type CrashRecord,
  freshRecords,
  noteKept,
  panicIn,
  readCrashRecords,
} from '../../../../src/machine/pstore/crash-records.ts';
import { endFacts } from '../../../../src/machine/pstore/end-facts.ts';
import { showCrashes } from '../../../../src/machine/pstore/show-crashes.ts';

const STORE = '/sys/fs/pstore';
const KEPT = { '/user-data/persistent/statectl': { type: 'dir' } } as const;
const PANIC = 'Panic#1 Part1\n<0>[ 9.1] Kernel panic - not syncing: sysrq triggered crash\n<4>[ 9.2] CPU: 0\n';

const record = (name: string, text: string, atMs = 0): CrashRecord => ({ name, text, atMs, id: name });

describe('a panic before this boot', () => {
  it.each<[string, readonly (readonly [string, string])[], string | undefined]>([
    ['is what the dump says', [['dmesg-erst-1', PANIC]], 'sysrq triggered crash'],
    [
      'is in whichever part says so',
      [
        ['dmesg-efi_pstore-170000000001001', 'Panic#1 Part1\n<4>[ 9.9] ---[ end trace ]---\n'],
        ['dmesg-efi_pstore-170000000002001', `Panic#1 Part2\n${PANIC.slice(14)}`],
      ],
      'sysrq triggered crash',
    ],
    [
      'is one whose dump is cut before the reason',
      [['dmesg-erst-1', 'Panic#2 Part1\n<4>half']],
      'the kernel did not say why',
    ],
    [
      'is told by the console that RAM kept',
      [['console-ramoops-0', '[ 9.1] Kernel panic - not syncing: Fatal exception\n']],
      'Fatal exception',
    ],
    [
      'is no oops that the machine survived',
      [['dmesg-erst-1', 'Oops#1 Part1\n<1>BUG: kernel NULL pointer dereference\n']],
      undefined,
    ],
    [
      'is no console of a boot that ended well',
      [['console-ramoops-0', '[ 9.1] reboot: Restarting system\n']],
      undefined,
    ],
    ['is none where there is no record', [], undefined],
  ])('%s', (_title, records, reason) => {
    expect(panicIn(records.map(([name, text]) => record(name, text)))?.panic).toBe(reason);
  });

  it('is the last of several that the store keeps, whatever their names', () => {
    const older = [record('dmesg-erst-9', PANIC.replace('sysrq', 'older'), 1_000)];
    const newer = [
      record('dmesg-erst-1', 'Panic#1 Part1\n<4>[ 9.9] ---[ end trace ]---\n', 2_000),
      record('dmesg-erst-2', `Panic#1 Part2\n${PANIC.slice(14)}`, 2_001),
    ];
    for (const records of [
      [...older, ...newer],
      [...newer, ...older],
    ])
      expect(panicIn(records)).toEqual({ panic: 'sysrq triggered crash', panicId: 'dmesg-erst-2' });
    const silent = [record('dmesg-erst-3', 'Panic#1 Part1\n<4>half', 3_000)];
    expect(panicIn([...older, ...newer, ...silent])?.panicId).toBe('dmesg-erst-3');
  });

  it('is told once: a record that was kept and stays in the store is of no later boot', async () => {
    const host = memoryHost({ files: { ...KEPT, [`${STORE}/dmesg-erst-1`]: PANIC } });
    const told: string[] = [];
    const first = await endFacts(host, { warn: (text) => told.push(text) });
    expect(first?.panic).toBe('sysrq triggered crash');
    expect(await endFacts(host, { warn: () => {} }), 'a cut before it is kept').toEqual(first);
    await noteKept(host, await readCrashRecords(host));
    expect(await endFacts(host, { warn: (text) => told.push(text) })).toBeUndefined();
    expect(told).toEqual(['the kernel panicked before this boot: sysrq triggered crash']);
    // Another one of the same name.
    await host.files.write(`${STORE}/dmesg-erst-1`, PANIC.replace('sysrq', 'once more'));
    expect((await freshRecords(host)).map(({ name }) => name)).toEqual(['dmesg-erst-1']);
  });
});

it('reads the parts of a dump in the order in which the kernel said them', async () => {
  const host = memoryHost({
    files: { [`${STORE}/dmesg-efi-1`]: 'Panic#1 Part1\nlast', [`${STORE}/dmesg-efi-2`]: 'Panic#1 Part2\nfirst' },
  });
  expect((await readCrashRecords(host)).map(({ name }) => name)).toEqual(['dmesg-efi-2', 'dmesg-efi-1']);
});

describe('the kernel’s store of crashes', () => {
  const machine = (mounts: string) =>
    memoryHost({
      files: { '/proc/mounts': mounts, [STORE]: { type: 'dir' } },
      programs: { modprobe: () => ({ exitCode: 1 }), mount: () => ({ exitCode: 32 }) },
    });

  it('is mounted once, with the drivers that no device asks for, and none is no failure', async () => {
    const host = machine('');
    await showCrashes(host);
    expect(host.commands).toEqual([
      'modprobe -abq efi_pstore ramoops',
      'mount -t pstore -o nosuid,nodev,noexec pstore /sys/fs/pstore',
    ]);
    const mounted = machine('pstore /sys/fs/pstore pstore rw 0 0\n');
    await showCrashes(mounted);
    expect(mounted.commands).toEqual(['modprobe -abq efi_pstore ramoops']);
    const without = memoryHost({ files: {} });
    await showCrashes(without);
    expect(without.commands).toEqual([]);
  });
});
