/** The two ways that Debian has to boot a squashfs over HTTP. */
export type RivalName = 'dracut' | 'live-boot';

export interface Rival {
  readonly packages: readonly string[];
  /** The command that makes the initramfs, as /made, for a kernel and every machine. */
  readonly make: (kernelRelease: string) => string;
  /** What it needs on the kernel command line to boot the image at this URL. */
  readonly cmdline: (url: string) => string;
}

export const RIVALS: Readonly<Record<RivalName, Rival>> = {
  dracut: {
    packages: [
      'dracut',
      'dracut-network',
      'dracut-live',
      'systemd-sysv',
      'udev',
      'kmod',
      'dmsetup',
      'isc-dhcp-client',
      'iputils-arping',
      'procps',
      'curl',
      'ca-certificates',
      'zstd',
    ],
    // livenet never starts on systemd-networkd, which dracut 059 would take: github.com/dracutdevs/dracut/issues/1822
    make: (release) =>
      `dracut --no-hostonly --kver ${release} --zstd --add "network-legacy livenet dmsquash-live" --omit systemd-networkd /made`,
    cmdline: (url) => `root=live:${url} rd.live.overlay.overlayfs=1 ip=dhcp rd.neednet=1`,
  },
  'live-boot': {
    packages: [
      'initramfs-tools',
      'live-boot',
      'live-boot-initramfs-tools',
      'busybox',
      'systemd-sysv',
      'udev',
      'kmod',
      'zstd',
    ],
    make: (release) => `mkinitramfs -o /made ${release}`,
    cmdline: (url) => `boot=live fetch=${url} components ip=dhcp`,
  },
};
