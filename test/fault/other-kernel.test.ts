import { expect, it } from 'vitest';
import { Stopped } from '../fixtures/hosts/failing.ts';
import {
  cloneKernelDisks,
  emptyKernelDisks,
  type Hardware,
  type KernelDisks,
  NEW,
  netboot,
  OLD,
  powerOn,
} from '../fixtures/slots/kernel-machine.ts';
import { wasHealthy } from '../fixtures/slots/partition-machine.ts';

/** Both systems are good, the new one was healthy last, and the loader boots the old kernel. */
async function upgraded(): Promise<KernelDisks> {
  const disks = emptyKernelDisks();
  await wasHealthy(await netboot(disks, OLD));
  await wasHealthy(await netboot(disks, NEW));
  return disks;
}

const OF_SENDING = /cycle\/(?:journal|key)|grubenv|run kexec|bootflag|\/boot-virtio/;
const DIGESTS = [OLD, NEW].map(({ manifest }) => manifest.root.sha256);

it.each<[string, Hardware]>([
  ['by kexec', {}],
  ['by the loader', { kexec: 'absent' }],
  ['into a kernel that panics', { panics: [NEW.manifest.kernelRelease] }],
])(
  'F2: the power may go at every effect of a boot that goes %s: the next ones boot a system, and go nowhere for ever',
  async (_title, hardware) => {
    const whole = await upgraded();
    const { asked } = await powerOn(cloneKernelDisks(whole), hardware);
    let cuts = 0;
    for (const [index, effect] of asked.entries()) {
      if (!OF_SENDING.test(effect) && index % 80 !== 0) continue;
      const disks = cloneKernelDisks(whole);
      const place = `cut at ${index + 1}, ${effect}`;
      // After the cut nothing has an effect any more, the rescue prompt neither.
      await powerOn(disks, { ...hardware, cutAt: index + 1 }).catch((error: unknown) => {
        if (!(error instanceof Stopped)) throw error;
      });
      cuts += 1;
      let sent = 0;
      for (const _boot of [1, 2, 3]) {
        const { kernels, ends, image } = await powerOn(disks, hardware);
        expect({ place, ends, image }).toEqual({
          place,
          ends: 'runs',
          image: expect.stringMatching(DIGESTS.join('|')),
        });
        if (image === DIGESTS[0]) sent += kernels.length - 1;
      }
      // Sent, and come back by the firmware: once, whatever the power did.
      expect({ place, isOnce: sent <= 2 }).toEqual({ place, isOnce: true });
    }
    expect(cuts).toBeGreaterThan(10);
  },
);
