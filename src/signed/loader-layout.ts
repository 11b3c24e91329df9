/** Where boot loaders look, on the partition that has kernels: what the builder makes of GRUB and what a machine writes must agree. */

/** Kernels, initramfs, GRUB's entries and its environment. */
export const LOADER_FOLDER = '/statectl';

/** An entry has at most so many tries: GRUB's script counts them down one by one. */
export const MOST_TRIES = 9;

/** Of GRUB's boot.img: what of the first sector of a disk is code. From byte 440 on there is a disk's own signature and its table. */
export const BOOT_CODE_BYTES = 440;
/** In boot.img: the sector, in 64 bits, where core.img begins. */
export const CORE_SECTOR_AT = 0x5c;
/** In the first sector of core.img: where the rest of it is. `struct grub_pc_bios_boot_blocklist`: sector, how many, segment. */
export const BLOCK_LIST_AT = 0x1f4;
export const BLOCK_LIST_BYTES = 12;
