import { describe, expect, it } from 'vitest';
import { grubChoice } from '../../../src/machine/loader/choice.ts';
import {
  emptyKernelDisks,
  type Hardware,
  type KernelDisks,
  kernelFiles,
  NEW,
  netboot,
  OLD,
  powerOn,
} from '../../fixtures/slots/kernel-machine.ts';
import { wasHealthy } from '../../fixtures/slots/partition-machine.ts';

const OLDS = OLD.manifest.kernelRelease;
const NEWS = NEW.manifest.kernelRelease;

/** Both systems are there, the new one was healthy last, and the loader still boots the old kernel. */
async function upgraded(): Promise<KernelDisks> {
  const disks = emptyKernelDisks();
  await wasHealthy(await netboot(disks, OLD));
  await wasHealthy(await netboot(disks, NEW));
  return disks;
}

async function shown(disks: KernelDisks, hardware: Hardware = {}) {
  const { kernels, ends, image, machine } = await powerOn(disks, hardware);
  const runs = image === OLD.manifest.root.sha256 ? 'old' : image === NEW.manifest.root.sha256 ? 'new' : image;
  return { kernels, ends, runs, said: machine.lines.map(({ text }) => text).join('\n'), machine };
}

describe('a system whose kernel is not the one that the disk booted', () => {
  it('is booted by its own kernel, which kexec goes into', async () => {
    const disks = await upgraded();
    const { kernels, ends, runs, machine, said } = await shown(disks);
    expect({ said, kernels, ends, runs }).toEqual({
      ...{ said, ends: 'runs', runs: 'new' },
      kernels: [`loader ${OLDS}`, `kexec ${NEWS}`],
    });
    await wasHealthy(machine);
    expect((await shown(disks)).kernels).toEqual([`loader ${OLDS}`, `kexec ${NEWS}`]);
  });

  it('is booted by the loader where the initramfs has no kexec, and by it alone from then on', async () => {
    const disks = await upgraded();
    const { kernels, runs, machine } = await shown(disks, { kexec: 'absent' });
    expect({ kernels, runs }).toEqual({ kernels: [`loader ${OLDS}`, `loader ${NEWS}`], runs: 'new' });
    await wasHealthy(machine);
    const again = await shown(disks, { kexec: 'absent' });
    expect({ kernels: again.kernels, runs: again.runs }).toEqual({ kernels: [`loader ${NEWS}`], runs: 'new' });
  });

  it('is booted by the loader where this kernel takes no other', async () => {
    const { kernels, runs } = await shown(await upgraded(), { kexec: 'refuses' });
    expect({ kernels, runs }).toEqual({ kernels: [`loader ${OLDS}`, `loader ${NEWS}`], runs: 'new' });
  });

  it.each<Hardware>([{ kexec: 'dies' }, { panics: [NEWS] }, { kexec: 'absent', panics: [NEWS] }])(
    'is left for the system of this kernel where it does not come up, and not tried again: %j',
    async (hardware) => {
      const disks = await upgraded();
      const first = await shown(disks, hardware);
      expect({ kernels: first.kernels.length, ends: first.ends, runs: first.runs }).toEqual({
        ...{ kernels: 3, ends: 'runs', runs: 'old' },
      });
      expect(first.said).toContain('tries it once more');
      await wasHealthy(first.machine);
      const second = await shown(disks, hardware);
      expect({ kernels: second.kernels, runs: second.runs }).toEqual({ kernels: [`loader ${OLDS}`], runs: 'old' });
    },
  );

  it('is not tried where the disk has not its kernel whole: the system of this one is booted', async () => {
    const disks = await upgraded();
    const choice = grubChoice(kernelFiles(disks));
    for (const [path, entry] of disks.boot.root.entries.get('statectl')?.entries ?? [])
      if (path.startsWith('vmlinuz-') && path !== choice?.kernel) entry.data = Buffer.from('the now kernel');
    const { kernels, runs, said } = await shown(disks);
    expect({ kernels, runs }).toEqual({ kernels: [`loader ${OLDS}`], runs: 'old' });
    expect(said).toMatch(/vmlinuz-\w+ has SHA-256/);
  });
});
