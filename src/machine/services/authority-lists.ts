import type { Host } from '../../host/host.ts';
import { resolveInTree } from '../../host/tree.ts';
import type { Facts } from '../facts/facts.ts';
import type { InstallFacts } from '../facts/system-facts.ts';
import { IMAGE_MOUNT } from '../paths.ts';

/** Where systems keep the list of authorities that they trust: Debian, Gentoo, Alpine and Arch; Fedora; SUSE. Most are links to another. */
const LISTS = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * The image's lists of authorities, where config.d has more; each once, by the path of the file itself. That of Debian, empty, where the
 * image has none (no package ca-certificates).
 */
export async function authorityLists(
  { files }: Pick<Host, 'files'>,
  { config }: Pick<Facts, 'config'>,
): Promise<Pick<InstallFacts, 'certificates'>> {
  if (config.identity.authorities.length === 0) return {};
  const lists: Record<string, string> = {};
  for (const path of LISTS) {
    const found = await resolveInTree(files, IMAGE_MOUNT, path).catch(() => undefined);
    if (found?.stat.type !== 'file') continue;
    // What lies in /usr cannot be written: there the link gives way to a file.
    lists[/^\/(etc|var)\//.test(found.path) ? found.path : path] = await files.readText(IMAGE_MOUNT + found.path);
  }
  return { certificates: Object.keys(lists).length > 0 ? lists : { [LISTS[0] ?? '']: '' } };
}
