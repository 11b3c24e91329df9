/** The keys of an installation: DESIGN §7. */
export const KEY_NAMES = ['image', 'bundle', 'ca'] as const;
export type KeyName = (typeof KEY_NAMES)[number];

/** What a key is good for: it signs; it is trusted, and signs when its turn comes; it counts no more. */
export type KeyRole = 'current' | 'trusted' | 'retired';

/** Where a pair lies in its folder, NAME.key and NAME.pem of it: the one that signs, and the one that follows it. */
export const currentPath = (dir: string, name: KeyName): string => `${dir}/${name}`;
export const nextPath = (dir: string, name: KeyName): string => `${dir}/${name}.next`;
export const retiredFolder = (dir: string): string => `${dir}/retired`;
/** Pairs that count no more go by their fingerprints. */
export const retiredPath = (dir: string, name: KeyName, fingerprint: string): string =>
  `${retiredFolder(dir)}/${name}-${fingerprint}`;
