import { StatectlError } from '../../error.ts';

/** One immutable image version on the server, written `NAME@VERSION`. */
export interface ImageName {
  readonly name: string;
  readonly version: string;
}

/** The alphabet of the manifest's names: no slash, no leading dot, so a name is always one harmless path component. */
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/;

export const isPlainName = (text: string): boolean => PLAIN_NAME.test(text);

export const writeImageName = (image: ImageName): string => `${image.name}@${image.version}`;

export const sameImage = (a: ImageName, b: ImageName): boolean => a.name === b.name && a.version === b.version;

/** Reads `NAME` or `NAME@VERSION`. Throws `image-name-invalid`. */
export function parseImageReference(text: string): { readonly name: string; readonly version?: string } {
  const [name = '', version, ...rest] = text.split('@');
  if (!isPlainName(name) || rest.length > 0 || (version !== undefined && !isPlainName(version)))
    throw new StatectlError('image-name-invalid', `"${text}" is not an image: NAME or NAME@VERSION is expected`, {
      hint: 'letters, digits and ._+- are allowed; `statectl image list` shows what is there',
    });
  return version === undefined ? { name } : { name, version };
}

/** Reads `NAME@VERSION`. Throws `image-name-invalid`. */
export function parseImageName(text: string): ImageName {
  const { name, version } = parseImageReference(text);
  if (version === undefined)
    throw new StatectlError('image-name-invalid', `"${text}" names no version: NAME@VERSION is expected`, {
      hint: `\`statectl image list\` shows the versions of ${name}`,
    });
  return { name, version };
}

/** Orders versions as people count: 20261120.9 before 20261120.10. */
export function compareVersions(a: string, b: string): number {
  const left = a.match(/\d+|\D+/g) ?? [];
  const right = b.match(/\d+|\D+/g) ?? [];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [l = '', r = ''] = [left[i], right[i]];
    const bothNumbers = /^\d/.test(l) && /^\d/.test(r);
    // Lengths without leading zeros compare numbers of any size without losing digits.
    const [x, y] = bothNumbers ? [l.replace(/^0+/, ''), r.replace(/^0+/, '')] : [l, r];
    if (bothNumbers && x.length !== y.length) return x.length - y.length;
    if (x !== y) return x < y ? -1 : 1;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}
