/** `\040` is a space in the kernel's tables of mounts: three octal digits stand for a byte. Only ASCII is written like this. */
export const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
