import { VERSION } from '../version.ts';
import type { EngineResult, PhaseRecord } from './engine.ts';
import type { InstallFacts, Lease } from './facts.ts';
import { type Place, places } from './layout.ts';
import { userDataDevice } from './phases/devices.ts';
import { chooseSource } from './source.ts';

/** /run/statectl/boot.json: what was booted and how, for `statectl status` and the report to the server. */
export interface BootRecord {
  readonly statectl: string;
  readonly source: 'partition' | 'fetched' | 'copy';
  readonly root: { readonly type: string; readonly from: string; readonly verified: boolean };
  readonly image?: { readonly name: string; readonly version: string; readonly sha256: string };
  readonly server?: string;
  readonly kernelRelease: string;
  readonly configDigest: string;
  readonly configOrigin: string;
  readonly persistent?: { readonly device: string; readonly type?: string };
  readonly places: readonly Place[];
  readonly leases: readonly Lease[];
  readonly machineId?: Pick<InstallFacts, 'machineId' | 'machineIdOrigin'>;
  readonly init: string;
  readonly warnings: readonly string[];
  readonly phases: readonly PhaseRecord[];
  /** From the start of the kernel to the hand-over. */
  readonly bootMs: number;
}

export function bootRecord({ facts, phases, warnings }: EngineResult, bootMs: number): BootRecord {
  const source = chooseSource(facts);
  const disk = userDataDevice(facts);
  const image = source.kind === 'partition' ? undefined : source.manifest;
  return {
    statectl: VERSION,
    source: source.kind,
    root: source.kind === 'partition' ? { type: source.type, from: source.device, verified: false } : { type: source.manifest.root.type, from: source.kind === 'copy' ? source.dir : (source.urls[0] ?? ''), verified: true },
    ...(image ? { image: { name: image.name, version: image.version, sha256: image.root.sha256 } } : {}),
    server: facts.offer?.server,
    kernelRelease: facts.machine.kernelRelease,
    configDigest: facts.machine.configDigest,
    configOrigin: facts.machine.configOrigin,
    ...(disk ? { persistent: { device: disk.device, type: disk.type } } : {}),
    places: places(facts.config, disk !== undefined),
    leases: facts.leases ?? [],
    machineId: facts.install && { machineId: facts.install.machineId, machineIdOrigin: facts.install.machineIdOrigin },
    init: facts.init?.path ?? '',
    warnings,
    phases: phases.map((phase) => ({ ...phase, startedMs: Math.round(phase.startedMs), tookMs: Math.round(phase.tookMs) })),
    bootMs: Math.round(bootMs),
  };
}
