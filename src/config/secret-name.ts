/** `secret:NAME`, as config.d writes it, as NAME. */
export const secretName = (reference: string): string => reference.replace(/^secret:/, '');
