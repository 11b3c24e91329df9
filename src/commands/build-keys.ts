import { Command } from 'commander';
import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { linuxHost } from '../host/linux/host.ts';
import { bundleKey } from '../identity/bundle-key.ts';
import { imageKey } from '../image/keys.ts';
import { keysOption } from './build-options.ts';
import { stateOption } from './state-option.ts';

interface KeysOptions {
  readonly keys: string;
  readonly state: string;
  readonly json?: true;
}

/** The builder bakes the CA's certificate into every initramfs, so it gets a copy where it looks for it. */
async function giveToBuilder({ files }: Host, certificatePem: string, keys: string): Promise<void> {
  const path = `${keys}/ca.pem`;
  if (!(await files.stat(path))) return files.write(path, certificatePem);
  if ((await files.readText(path)) !== certificatePem)
    throw new StatectlError(
      'ca-differs',
      `${path} is the certificate of another authority than the one under --state`,
      {
        hint: `machines trust one: name its --state, or move ${path} away to begin anew`,
      },
    );
}

/** `statectl build keys`. */
export const buildKeysCommand = (): Command =>
  new Command('keys')
    .description('make the keys that are not there yet: of images, of bundles, and the certificate authority')
    .addOption(keysOption())
    .addOption(stateOption())
    .option('--json', 'print where they are')
    .addHelpText(
      'after',
      `
Three keys, in two places, all readable by their owner only; one that is there is never overwritten:
  KEYS/image.key          signs images: the builder's, never below the server's state, so that a broken
                          server cannot sign a system
  STATE/keys/bundle.key   signs what machines are told, certified by the image key (bundle.cert.json)
  STATE/keys/ca.key       the certificate authority of machines and server
The public halves KEYS/image.pem and KEYS/ca.pem are baked into every initramfs.

Examples:
  statectl build keys --keys ~/keys --state /var/lib/statectl
  statectl build keys --keys ~/keys --state ./state && rsync -a state/keys/ server:/var/lib/statectl/keys/`,
    )
    .action(async ({ keys, state, json }: KeysOptions) => {
      const host = linuxHost();
      const online = `${state}/keys`;
      if (`${keys}/`.startsWith(`${state}/`))
        throw new StatectlError('usage', `--keys ${keys} is below the server's state ${state}`, {
          hint: 'the image key must not be on the server: name another folder with --keys',
        });
      const image = await imageKey(host, keys);
      await bundleKey(host, online, image);
      // X.509 is large, and no other verb needs it.
      const { authority } = await import('../identity/authority.ts');
      const { certificatePem } = await authority(host, online);
      await giveToBuilder(host, certificatePem, keys);
      const places = { image: `${keys}/image.key`, bundle: `${online}/bundle.key`, authority: `${online}/ca.key` };
      if (json) process.stdout.write(`${JSON.stringify(places, null, 2)}\n`);
      else for (const [name, place] of Object.entries(places)) process.stdout.write(`${name.padEnd(9)}  ${place}\n`);
    });
