/** The fixed places of a boot. All live below /run, so they move into the running system with it. */
/** What the running system may read: reports, facts, the image, overlay uppers. */
export const RUN = '/run/statectl';
/** What belongs to the initramfs and survives the switch: runtime, skeleton, image in RAM, shutdown. */
export const RUN_INITRAMFS = '/run/initramfs';

export const JOURNAL = `${RUN}/journal.jsonl`;
/** The number of this boot's log among those that are kept. */
export const LOG_NUMBER = `${RUN}/log-number`;
export const BOOT_RECORD = `${RUN}/boot.json`;
export const FACTS = `${RUN}/facts.json`;
/** The system image, read-only, without what is mounted over it. */
export const IMAGE_MOUNT = `${RUN}/image`;
/** The packages of python.conf, each in a folder of its name. */
export const PYTHON = `${RUN}/python`;
export const UPPERS = `${RUN}/upper`;
export const RAM_IMAGE = `${RUN_INITRAMFS}/image`;
/** Where slots that are trees are mounted while they are made or verified. */
export const SLOT_MOUNTS = `${RUN_INITRAMFS}/slots`;
/** That of the tool set `tree`; what busybox has by that name keeps no xattrs. */
export const GNU_TAR = `${RUN_INITRAMFS}/sets/tree/bin/tar`;
export const SKELETON = `${RUN_INITRAMFS}/skeleton`;
/** What /init sources after the controller ended well: which root, which init, which arguments. */
export const SWITCH_FILE = `${RUN_INITRAMFS}/switch-root.env`;
export const REPORT = `${RUN_INITRAMFS}/report.txt`;
/** What the system's own stop hooks run on the way down; see initramfs/stopping. */
export const STOPPING = `${RUN_INITRAMFS}/stopping`;
/** The lines of the last failure, which the rescue prompt shows. */
export const FAILURE = `${RUN_INITRAMFS}/failure`;
/** What a person in the rescue shell chose: the arguments of the next `statectl boot`. /init waits for this file. */
export const ANSWER = `${RUN_INITRAMFS}/answer`;
/** Of the rescue prompt: who is at which console, and until when somebody is waited for. See initramfs/rescue.sh. */
export const RESCUE_DIR = `${RUN_INITRAMFS}/rescue`;
/** There while /init or a breakpoint waits for the answer: what leaving a shell will answer. */
export const WAITING = `${RESCUE_DIR}/default`;
/** There when nothing failed: a person wants the rescue shell before the boot begins. */
export const ASKED = `${RUN_INITRAMFS}/asked`;
/** Where `statectl` is in every running system, whatever its PATH. */
export const BIN = `${RUN}/bin`;
/** What people run. */
export const PROGRAM = `${RUN}/rt/statectl`;
/** systemd's mark of an initramfs (INITRD_INTERFACE). */
export const INITRD_RELEASE = '/etc/initrd-release';
/** Lease facts, one file per interface and family, written by the scripts of the DHCP clients. */
export const LEASES = `${RUN_INITRAMFS}/leases`;
/** No interface has a colon in its name. */
export const leaseFile = (device: string, family: 4 | 6): string => `${LEASES}/${device}${family === 6 ? ':6' : ''}`;
/** What servers were like when they were measured. */
export const SERVERS_MEASURED = `${RUN_INITRAMFS}/servers.json`;
/** Answers of servers that were asked for this machine's bundle: not verified yet. */
export const BUNDLE_ANSWERS = `${RUN_INITRAMFS}/bundle`;
/** And what they said when they were asked what to boot. */
export const OFFER_ANSWERS = `${RUN_INITRAMFS}/offer.json`;
/** The bundle of a machine without a disk. */
export const RAM_BUNDLES = `${RUN}/bundle`;
/** What a boot tells networkd and udev of single interfaces. */
export const NETWORKD = '/run/systemd/network';
