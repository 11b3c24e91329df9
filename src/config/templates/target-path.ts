/** The longest path and name that Linux takes: limits.h. */
const PATH_MAX = 4095;
const NAME_MAX = 255;

/**
 * Where a rendered path leads: absolute, without `//` and `/./`. Throws for what does not name one file below the root,
 * since a value of a node's metadata may be in it.
 */
export function targetPath(text: string): string {
  const no = (why: string) => new Error(`path ${JSON.stringify(text.slice(0, 200))} ${why}`);
  if (!text.startsWith('/')) throw no('is not absolute');
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)) throw no('has a control character or a line end in it');
  if (text.endsWith('/')) throw no('names a folder');
  const segments = text.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..')) throw no('must not have ".." in it');
  if (segments.length === 0 || text.endsWith('/.')) throw no('names a folder');
  if (segments.some((segment) => Buffer.byteLength(segment) > NAME_MAX)) throw no(`has a name above ${NAME_MAX} bytes`);
  const path = `/${segments.join('/')}`;
  if (Buffer.byteLength(path) > PATH_MAX) throw no(`is longer than ${PATH_MAX} bytes`);
  return path;
}
