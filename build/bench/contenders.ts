import type { Boot, MachineOptions } from './machine.ts';
import { bootMachine } from './machine.ts';
import type { Material } from './material.ts';
import { RIVALS, type RivalName } from './rivals.ts';
import type { Servers } from './servers.ts';
import { type Spread, spreadOf } from './statistics.ts';

export type ContenderName = 'statectl' | RivalName;

export interface Contender {
  readonly name: ContenderName;
  readonly initramfs: string;
  readonly cmdline: string;
}

/** What all do alike: 2 GiB of RAM and a virtio network card, whose address comes by DHCP. */
export const NETBOOT = { memoryMiB: 2048, network: true } as const;

/** Ours first. It has the controller's events besides, which the breakdown is made of. */
export const contenders = ({ statectl, rivals }: Material, servers: Servers): readonly Contender[] => [
  { name: 'statectl', initramfs: statectl, cmdline: `statectl.server=${servers.statectlUrl} ip=dhcp ${EVENTS}` },
  ...(Object.entries(rivals) as [RivalName, string][]).map(([name, initramfs]) => ({
    name,
    initramfs,
    cmdline: RIVALS[name].cmdline(servers.rootUrl),
  })),
];

export const EVENTS = 'statectl.events=/dev/ttyS1';

export interface ContenderResult extends Contender {
  readonly boots: readonly Boot[];
  /** Rounds in which it did not reach the marker, and why. */
  readonly failures: readonly string[];
  readonly wallS?: Spread | undefined;
  readonly cpuS?: Spread | undefined;
  readonly guestS?: Spread | undefined;
  readonly memAvailableKb?: Spread | undefined;
  readonly otherWork?: Spread | undefined;
}

/** A B C, A B C …: what else the machine does falls on all alike. */
export async function raceRounds(
  field: readonly Contender[],
  rounds: number,
  material: Pick<Material, 'home' | 'kernel'>,
  say: (text: string) => void,
): Promise<readonly ContenderResult[]> {
  const results = field.map((contender) => ({ contender, boots: [] as Boot[], failures: [] as string[] }));
  for (let round = 1; round <= rounds; round++)
    for (const { contender, boots, failures } of results) {
      const { name, ...machine } = contender;
      const log = `${material.home}/logs/${name}-${round}`;
      const boot = await tryBoot({ ...NETBOOT, ...machine, kernel: material.kernel, log });
      if (boot instanceof Error) failures.push(boot.message);
      else boots.push(boot);
      say(`round ${round}/${rounds}: ${name}: ${outcome(boot)}`);
    }
  return results.map(({ contender, boots, failures }) => ({ ...contender, boots, failures, ...spreads(boots) }));
}

/** A bench is no test: a boot that fails is a row that says so. */
export const tryBoot = (options: MachineOptions): Promise<Boot | Error> =>
  bootMachine(options).catch((error: Error) => error);

/** For a line of progress. */
export const outcome = (boot: Boot | Error): string =>
  boot instanceof Error
    ? `failed: ${boot.message}`
    : `${boot.wallS.toFixed(1)} s, ${boot.cpuS.toFixed(1)} s of processor time (other work: ${boot.otherWork.toFixed(1)} processors)`;

const spreads = (boots: readonly Boot[]) => ({
  wallS: spreadOf(boots.map(({ wallS }) => wallS)),
  cpuS: spreadOf(boots.map(({ cpuS }) => cpuS)),
  guestS: spreadOf(boots.map(({ marker }) => marker.uptimeS)),
  memAvailableKb: spreadOf(boots.map(({ marker }) => marker.memAvailableKb)),
  otherWork: spreadOf(boots.map(({ otherWork }) => otherWork)),
});
