import { StatectlError } from '../../error.ts';
import { planCheck } from '../../machine/places/check-disk.ts';
import { chooseSource } from '../../machine/places/source.ts';
import type { Phase } from '../phase.ts';

/** Which root it will be. A root whose journal is dirty is mounted without replay, so it is checked first. */
export const slot: Phase = {
  name: 'slot',
  rounds: [
    {
      async gather(_host, facts, boot) {
        const source = chooseSource(facts);
        if (source.kind === 'partition') boot.say(`root is ${source.device} (${source.type})`);
        else {
          boot.say(
            `image ${source.manifest.name} ${source.manifest.version}, ${source.kind === 'copy' ? 'the copy on this machine' : `from ${facts.root.offer?.server}`}`,
          );
          if (source.manifest.kernelRelease !== facts.machine.kernelRelease)
            throw new StatectlError(
              'kernel-mismatch',
              `this is kernel ${facts.machine.kernelRelease}, the image ${source.manifest.name} ${source.manifest.version} was built for ${source.manifest.kernelRelease}`,
              {
                hint: 'boot the kernel and initramfs of that image: netboot again, or update the local /boot',
              },
            );
        }
        return {};
      },
      plan: (facts) => {
        const source = chooseSource(facts);
        return source.kind === 'partition' ? planCheck(source.device, source.type) : [];
      },
    },
  ],
  // The server is ahead of this machine's /boot: what booted yesterday boots today.
  instead(error, { root: { copy, offer }, machine }) {
    const fits = copy?.manifest.kernelRelease === machine.kernelRelease;
    return error.code === 'kernel-mismatch' && offer && fits
      ? { root: { offer: undefined, offerFailure: error.message } }
      : undefined;
  },
};
