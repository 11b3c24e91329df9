// biome-ignore-all lint/suspicious/noTemplateCurlyInString: iPXE expands these, not JavaScript.
import { KERNEL_ARGUMENT } from '../../config/command-line/kernel-argument.ts';
import { StatectlError } from '../../error.ts';
import type { Claims } from '../../protocol/claims.ts';
import { machineQuery } from '../machine.ts';

/** tty0 is last and so is /dev/console: a PC without a serial port shows what goes on. */
export const DEFAULT_KERNEL_ARGUMENTS = 'console=ttyS0,115200 console=tty0';

/** Tries before a script gives up, at about ten seconds each: a server needs minutes to come back after a power cut. */
const TRIES = 60;

/** Checks what goes on a `kernel` line. Throws `kernel-arguments-invalid`. */
export function parseKernelArguments(text: string): string {
  const words = text.split(' ').filter((word) => word !== '');
  const bad = words.find((word) => !KERNEL_ARGUMENT.test(word));
  if (bad !== undefined)
    throw new StatectlError(
      'kernel-arguments-invalid',
      `${JSON.stringify(bad)} cannot stand among the kernel arguments`,
      {
        hint: 'iPXE takes plain words on one line, none of them ||, && or starting with #',
      },
    );
  return words.join(' ');
}

/**
 * The script's end: say so, wait, ask again, and after the last try leave to the firmware's next boot device. The counter
 * is an iPXE setting, so it goes on through chained scripts. `waitS` differs from answer to answer: a lab that is switched
 * on at once does not ask at once.
 */
const retry = (url: string, waitS: number): readonly string[] => [
  ':again',
  'inc statectl-tries',
  `iseq \${statectl-tries} ${TRIES} && goto leave ||`,
  `echo statectl: asking the server again in ${waitS} s (try \${statectl-tries} of ${TRIES}, Ctrl-C for the next boot device)`,
  `sleep ${waitS} || goto leave`,
  `chain --replace --autofree ${url} ||`,
  'echo statectl: the server did not answer',
  'goto again',
  ':leave',
  'echo statectl: giving up, going on with the next boot device',
  'clear statectl-tries',
  // UEFI firmware opens its setup where a boot entry ends well, and goes on with the next where it failed. A BIOS goes on anyway.
  'exit 1',
];

const script = (...lines: readonly string[]): string => `${['#!ipxe', ...lines].join('\n')}\n`;

/**
 * The script that every machine gets first: it asks for its own one. `netX` is the interface that iPXE booted from, which
 * need not be net0; a 32-bit iPXE looks at the processor, since `buildarch` is only what iPXE was built for.
 */
export const firstScript = (waitS: number): string => {
  const url =
    '/v1/ipxe?mac=${netX/mac:hexhyp}&uuid=${uuid}&serial=${serial:uristring}&arch=${statectl-arch}&macs=${net0/mac:hexhyp},${net1/mac:hexhyp},${net2/mac:hexhyp},${net3/mac:hexhyp}';
  return script(
    'set statectl-tries:int32 0',
    'set statectl-arch ${buildarch}',
    'iseq ${buildarch} i386 && cpuid --ext 29 && set statectl-arch x86_64 ||',
    'echo statectl: asking for the image of ${netX/mac:hexhyp} (${uuid}, ${statectl-arch})',
    `chain --replace --autofree ${url} ||`,
    'echo statectl: the server did not answer',
    ...retry(url, waitS),
  );
};

const askAgain = (base: string, machine: Claims): string => `${base}/v1/ipxe?${machineQuery(machine)}`;

export interface BootScript {
  /** `http://host[:port]` */
  readonly base: string;
  /** Whom the machine may ask, in order; this server is one of them. */
  readonly servers: readonly string[];
  readonly machine: Claims;
  /** NAME@VERSION */
  readonly image: string;
  readonly chosenBy: string;
  readonly kernelUrl: string;
  readonly initramfsUrl: string;
  readonly kernelArguments: string;
  readonly waitS: number;
}

/** Boots an image. A failed download or start is shown with iPXE's reason, and asked for again. */
export function bootScript(boot: BootScript): string {
  // 01 is the hardware type of Ethernet, as pxelinux writes BOOTIF.
  const bootif = boot.machine.mac === undefined ? [] : [`BOOTIF=01-${boot.machine.mac.replaceAll(':', '-')}`];
  const words = [
    'initrd=initramfs.img',
    `statectl.server=${boot.servers.join(',')}`,
    `statectl.image=${boot.image}`,
    'ip=dhcp',
    ...bootif,
    boot.kernelArguments,
  ];
  return script(
    `echo statectl: booting ${boot.image} (chosen by ${boot.chosenBy}) from ${boot.base}`,
    'imgfree',
    `kernel --name vmlinuz ${boot.kernelUrl} ${words.join(' ').trim()} || goto failed`,
    `initrd --name initramfs.img ${boot.initramfsUrl} || goto failed`,
    'boot || goto failed',
    ':failed',
    `echo statectl: ${boot.image} did not start, iPXE says: \${errno}`,
    'imgfree',
    ...retry(askAgain(boot.base, boot.machine), boot.waitS),
  );
}

export interface ForeignScript {
  readonly base: string;
  readonly machine: Claims;
  readonly kernelUrl: string;
  readonly initrdUrls: readonly string[];
  readonly kernelArguments: readonly string[];
  readonly waitS: number;
}

/**
 * Boots what config.d names instead of an image, with the arguments of config.d alone. The kernel of a PC with UEFI finds its
 * initrds by the `initrd=` of each.
 */
export function foreignScript({ base, machine, kernelUrl, initrdUrls, kernelArguments, waitS }: ForeignScript): string {
  const initrds = initrdUrls.map((url, index) => ({ url, name: `initrd${index}` }));
  const words = [...initrds.map(({ name }) => `initrd=${name}`), ...kernelArguments];
  return script(
    `echo statectl: booting ${kernelUrl} (as config.d says; ${base})`,
    'imgfree',
    `kernel --name kernel ${[kernelUrl, ...words].join(' ')} || goto failed`,
    ...initrds.map(({ url, name }) => `initrd --name ${name} ${url} || goto failed`),
    'boot || goto failed',
    ':failed',
    `echo statectl: ${kernelUrl} did not start, iPXE says: \${errno}`,
    'imgfree',
    ...retry(askAgain(base, machine), waitS),
  );
}

/** What to type on the server so that this machine gets an image. */
export function adviceFor(machine: Claims): string {
  const [key] = (['mac', 'uuid', 'serial'] as const).filter((known) => machine[known] !== undefined);
  return `statectl image use NAME${key === undefined ? '' : ` --for ${key}=${machine[key]}`}`;
}

export interface NoImageScript {
  readonly base: string;
  readonly machine: Claims;
  readonly why: string;
  readonly waitS: number;
}

/** Text from the machine stands on its own screen only; still, what iPXE would expand is taken out. */
const shown = (text: string): string => text.replace(/[^\x20-\x7e]|[$|&;#]/g, '?');

export const noImageScript = ({ base, machine, why, waitS }: NoImageScript): string =>
  script(
    `echo statectl: ${base} has no image for this machine: ${shown(why)}`,
    `echo   mac    ${machine.mac ?? 'unknown'}`,
    `echo   uuid   ${machine.uuid ?? 'unknown'}`,
    ...(machine.serial === undefined ? [] : [`echo   serial ${shown(machine.serial)}`]),
    `echo On the server, type:  ${shown(adviceFor(machine))}`,
    ...retry(askAgain(base, machine), waitS),
  );
