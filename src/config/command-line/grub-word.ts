/**
 * GRUB writes a backslash before every quote and backslash of a word (grub-core/lib/cmdline.c), which the kernel does not read: such a
 * word cannot come through it as it is. Double quotes can: those around a value are GRUB's own in the end.
 */
export const isBeyondGrub = (word: string): boolean => /['\\]/.test(word);
