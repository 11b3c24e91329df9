import { nearest } from '../../config/check/suggest.ts';
import { StatectlError } from '../../error.ts';
import type { BlockFacts } from './root-facts.ts';

const TAGS = { LABEL: 'label', UUID: 'uuid', PARTUUID: 'partuuid', PARTLABEL: 'partlabel' } as const;

/** The tags of blkid(8) that name a filesystem or a partition. */
export type DeviceTag = (typeof TAGS)[keyof typeof TAGS];

/** Where `root=` says the system is. */
export type DeviceReference =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'tag'; readonly tag: DeviceTag; readonly value: string }
  | { readonly kind: 'url'; readonly url: string };

const HINT =
  'write root=/dev/…, root=LABEL=, UUID=, PARTUUID= or PARTLABEL=, or root=http://…; `blkid` lists what there is';

/**
 * Reads the value of `root=` (kernel: admin-guide/kernel-parameters.rst; dracut.cmdline(7)). `/dev/disk/by-label/…` and
 * its like become tags, since an initramfs without udev has no such links. Throws `root-missing`, `root-unsupported`,
 * `root-unknown`.
 */
export function parseDeviceReference(root: string | undefined): DeviceReference {
  const text = unquoted(root ?? '').replace(/^(?:block|live):(?=.)/, '');
  const link = /^\/dev\/disk\/by-(label|uuid|partuuid|partlabel)\/(.+)$/.exec(text);
  if (link !== null) return { kind: 'tag', tag: link[1] as DeviceTag, value: unescaped(link[2]!) };
  const equals = text.indexOf('=');
  const key = text.slice(0, Math.max(equals, 0));
  const value = unquoted(text.slice(equals + 1));
  if (text.trim() === '' || (Object.hasOwn(TAGS, key) && value === ''))
    throw new StatectlError('root-missing', 'No or empty root= argument', { hint: HINT });
  // PARTUUID=…/PARTNROFF=1 is the kernel's own arithmetic on partition numbers; blkid knows nothing of it.
  if (key === 'PARTUUID' && value.includes('/')) throw unsupported(text, 'name the partition by its own PARTUUID');
  if (Object.hasOwn(TAGS, key)) return { kind: 'tag', tag: TAGS[key as keyof typeof TAGS], value: unescaped(value) };
  if (/^https?:\/\/[^/\s]/i.test(text)) return { kind: 'url', url: text };
  if (/^(?:nfs4?:|dhcp6?$|\/dev\/nfs$)/.test(text))
    throw unsupported(text, 'boot an image by root=http://… or a local root');
  if (/^\/dev\/[^\s]/.test(text)) return { kind: 'path', path: text };
  const tag = nearest(key, Object.keys(TAGS));
  throw new StatectlError('root-unknown', `Don't know how to handle 'root=${text}'`, {
    hint: tag === undefined ? HINT : `did you mean root=${tag}=${value}?`,
  });
}

const unsupported = (text: string, hint: string): StatectlError =>
  new StatectlError('root-unsupported', `root=${text} is a root that statectl does not support yet`, { hint });

const unquoted = (text: string): string => text.replace(/^(["'])(.*)\1$/, '$2');

/** udev's spelling of odd bytes in labels: `a\x20b`, `\xc3\xbc`. */
const unescaped = (text: string): string =>
  text.replace(/(?:\\x[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll(/\\x/gi, ''), 'hex').toString());

/**
 * The shortest beginning of a filesystem's UUID that may stand for the whole, as dracut lets it. Not so for PARTUUID:
 * on an MBR disk all partitions begin alike.
 */
const MIN_UUID_PREFIX = 8;

/** Whether the device is the one that is meant. UUIDs match in either case; a URL matches none. */
export function matchesDevice(reference: DeviceReference, facts: BlockFacts): boolean {
  if (reference.kind === 'path') return reference.path === facts.device || reference.path === facts.mapped;
  if (reference.kind === 'url') return false;
  const actual = facts[reference.tag];
  if (actual === undefined) return false;
  if (reference.tag === 'label' || reference.tag === 'partlabel') return actual === reference.value;
  const wanted = reference.value.toLowerCase();
  const mayBePrefix = reference.tag === 'uuid' && wanted.length >= MIN_UUID_PREFIX;
  return mayBePrefix ? actual.toLowerCase().startsWith(wanted) : actual.toLowerCase() === wanted;
}
