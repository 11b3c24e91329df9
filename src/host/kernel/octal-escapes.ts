/** `\040` is a space in the kernel's tables of mounts: three octal digits stand for a byte. Only ASCII is written like this. */
export const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** As the kernel writes a path into those tables: mangle_path() of fs/seq_file.c. */
export const escapeOctal = (path: string): string =>
  path.replace(/[ \t\n\\]/g, (letter) => `\\${letter.charCodeAt(0).toString(8).padStart(3, '0')}`);
