import { Command, Option } from 'commander';
import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { linuxHost } from '../../host/linux/host.ts';
import { holderOf } from '../../host/owner.ts';
import { ownersHost } from '../../host/owners-host.ts';
import type { Authority } from '../../identity/certificates/authority.ts';
import { bundleKey } from '../../identity/keys/bundle-key.ts';
import { readGivenImageKey } from '../../identity/keys/given-key.ts';
import { placeKeyPair } from '../../identity/keys/key-file.ts';
import { KEY_NAMES, type KeyName } from '../../identity/keys/key-places.ts';
import { type ListedKey, listKeys } from '../../identity/keys/list-keys.ts';
import { replaceKey, retireKey, rotateKey } from '../../identity/keys/rotate-key.ts';
import { giveAuthorities } from '../../image/builder-authorities.ts';
import { forCaller } from '../../image/for-caller.ts';
import { imageKey, imageKeyFile } from '../../image/keys.ts';
import { asciiTable } from '../ascii-table.ts';
import { print, printJson, printLine } from '../print.ts';
import { stateOption } from '../state-option.ts';
import { caller, keysOption, path } from './build-options.ts';

interface KeysOptions {
  readonly keys: string;
  readonly state: string;
  readonly import?: 'image' | 'ca';
  readonly rotate?: KeyName;
  readonly retire?: 'image' | 'ca';
  readonly key?: string;
  readonly cert?: string;
  readonly list?: true;
  readonly json?: true;
}

/** `statectl build keys`. */
export const buildKeysCommand = (): Command =>
  new Command('keys')
    .description('make the keys that are not there yet, or bring your own, exchange and list them: images, bundles, CA')
    .addOption(keysOption())
    .addOption(stateOption())
    .addOption(new Option('--import <which>', 'take your own, from --key and --cert').choices(['image', 'ca']))
    .addOption(
      new Option('--rotate <which>', 'a new one, made or from --key, that is trusted beside the old one')
        .choices(KEY_NAMES)
        .conflicts(['import', 'retire', 'list']),
    )
    .addOption(
      new Option('--retire <which>', 'the old one counts no more, and the one of --rotate signs')
        .choices(['image', 'ca'])
        .conflicts(['import', 'list', 'key']),
    )
    .option('--key <file>', 'a private key, PEM without a passphrase', path)
    .option('--cert <file>', 'the certificate of a CA, PEM, its issuers behind it', path)
    .addOption(new Option('--list', 'show each key, its fingerprint and role').conflicts(['import', 'key']))
    .option('--json', 'print JSON: where they are, or the list')
    .addHelpText(
      'after',
      `
Three keys, in two places, all readable by their owner only; one that is there is never overwritten:
  KEYS/image.key          signs images: the builder's, never below the server's state, so that a broken
                          server cannot sign a system
  STATE/keys/bundle.key   signs what machines are told, certified by the image key (bundle.cert.json)
  STATE/keys/ca.key       the certificate authority of machines and server
The public halves KEYS/image.pem and KEYS/ca.pem are baked into every initramfs.

An image key or CA is exchanged in two steps. After --rotate each new initramfs trusts both, and the old one goes on
signing. When every machine has booted such an initramfs, --retire lets the new one sign; initramfs and image are then
built again. A bundle key needs one step, since its certificate tells each machine that it counts.

Examples:
  statectl build keys --keys ~/keys --state /var/lib/statectl
  statectl build keys --keys ~/keys --state ./state && rsync -a state/keys/ server:/var/lib/statectl/keys/
  statectl build keys --import ca --cert lab-ca.pem --key lab-ca.key
  statectl build keys --rotate image
  statectl build keys --retire image
  statectl build keys --list`,
    )
    .action(async (options: KeysOptions) => {
      const { keys, state, json } = options;
      const host = linuxHost();
      const online = `${state}/keys`;
      if (`${keys}/`.startsWith(`${state}/`))
        throw new StatectlError('usage', `--keys ${keys} is below the server's state ${state}`, {
          hint: 'the image key must not be on the server: name another folder with --keys',
        });
      if (options.list) return show(await listKeys(host, { image: keys, bundle: online, ca: online }), json);
      refuseUnused(options);
      const folders = [keys, `${keys}/retired`, state, online, `${online}/retired`];
      await forCaller(host, caller(), { addedTo: folders }, async () => {
        await change(host, options, online);
        await makeRest(host, options, online);
      });
      const places = { image: `${keys}/image.key`, bundle: `${online}/bundle.key`, authority: `${online}/ca.key` };
      const there: [name: string, place: string][] = [];
      for (const [name, place] of Object.entries(places)) if (await host.files.stat(place)) there.push([name, place]);
      if (json) printJson(Object.fromEntries(there));
      else for (const [name, place] of there) printLine(`${name.padEnd(9)}  ${place}`);
    });

const usageError = (message: string, hint: string) => new StatectlError('usage', message, { hint });

function refuseUnused({ import: brought, rotate, key, cert }: KeysOptions): void {
  const which = brought ?? rotate;
  if (which === undefined && (key ?? cert) !== undefined)
    throw usageError('--key and --cert are for --import and --rotate', 'statectl build keys --import image --key FILE');
  if (brought !== undefined && key === undefined)
    throw usageError(`--import ${brought} needs --key`, `statectl build keys --import ${brought} --key FILE`);
  if (which === 'bundle' && key !== undefined)
    throw usageError('a bundle key is made, not brought', 'statectl build keys --rotate bundle');
  if (which === 'ca' && (key === undefined) !== (cert === undefined))
    throw usageError('a CA is a --cert and its --key', 'statectl build keys --import ca --cert FILE --key FILE');
  if (which === 'image' && cert !== undefined)
    throw usageError('an image key has no --cert', 'statectl build keys --import image --key FILE');
}

/** Who brings one of their own may bring the other as well, and what is made is never overwritten: so that one waits. */
async function makeRest(host: Host, { keys, import: brought }: KeysOptions, online: string): Promise<void> {
  const isWanted = async (key: string) => brought === undefined || (await host.files.stat(key)) !== undefined;
  const later = (what: string) =>
    host.console.line('info', `there is no ${what} yet: bring yours too, or let \`statectl build keys\` make it`);
  const own = ownersHost(host, online, holderOf);
  if (await isWanted(`${keys}/image.key`)) await bundleKey(own, online, await imageKey(host, keys));
  else later('image key');
  if (!(await isWanted(`${online}/ca.key`))) return later('CA');
  // X.509 is large, and no other verb needs it.
  const { authority } = await import('../../identity/certificates/authority.ts');
  await authority(own, online);
  await giveAuthorities(host, online, keys);
}

async function change(host: Host, options: KeysOptions, online: string): Promise<void> {
  const { keys, import: brought, rotate, retire } = options;
  const own = ownersHost(host, online, holderOf);
  const tell = (text: string) => host.console.line('info', text);
  if (brought === 'image') await placeImageKey(host, options, 'current');
  if (brought === 'ca') await placeAuthority(own, options, online, 'current');
  if (rotate === 'image') await rotateKey(host, keys, 'image', () => placeImageKey(host, options, 'next'));
  if (rotate === 'ca') await rotateKey(own, online, 'ca', () => placeAuthority(own, options, online, 'next'));
  if (rotate === 'image' || rotate === 'ca')
    tell(`now build each initramfs again; when all machines have booted one: statectl build keys --retire ${rotate}`);
  if (rotate === 'bundle') tell(`retired bundle key ${await replaceKey(own, online, 'bundle')}`);
  if (retire === 'image') tell(`retired image key ${await retireKey(host, keys, 'image')}; build images again`);
  if (retire === 'ca') tell(`retired CA ${await retireKey(own, online, 'ca')}`);
  if (rotate === 'bundle' || retire) tell(`copy ${online} to your servers, and start them again`);
}

async function placeImageKey(host: Host, { keys, key }: KeysOptions, which: 'current' | 'next'): Promise<void> {
  if (key === undefined) await imageKey(host, keys, which);
  else await placeKeyPair(host, imageKeyFile(keys, which), await readGivenImageKey(host, key));
}

async function placeAuthority(
  host: Host,
  { key, cert }: KeysOptions,
  online: string,
  which: 'current' | 'next',
): Promise<void> {
  const { authority, authorityFile } = await import('../../identity/certificates/authority.ts');
  if (key === undefined || cert === undefined) return void (await authority(host, online, which));
  const { readGivenAuthority } = await import('../../identity/certificates/given-certificate.ts');
  const { privateKey, certificatePem }: Authority = await readGivenAuthority(host, { certificate: cert, key });
  await placeKeyPair(host, authorityFile(online, which), privateKey, certificatePem);
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

function show(listed: readonly ListedKey[], json: true | undefined): void {
  if (json) return void printJson(listed);
  const rows = listed.map(({ key, role, fingerprint, sinceMs, untilMs, file }) => [
    ...[key, role, fingerprint, day(sinceMs)],
    ...[untilMs === undefined ? '-' : day(untilMs), file],
  ]);
  print(asciiTable([['KEY', 'ROLE', 'FINGERPRINT', 'SINCE', 'UNTIL', 'FILE'], ...rows]));
}
