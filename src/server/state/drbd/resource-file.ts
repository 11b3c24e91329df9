import { isIPv4 } from 'node:net';
import type { DrbdVersion } from '../../../host/kernel/drbd-status.ts';
import { MACHINE_NODE_ID, SERVER_NODE_ID } from '../../../protocol/state/drbd.ts';
import type { Taken } from './allot.ts';

/** What a resource of DRBD is made of. */
export interface ResourceSides {
  readonly resource: string;
  readonly port: number;
  readonly minor: number;
  /** Of the module on the server, whose drbdadm reads it; absent: 8.4. */
  readonly version?: DrbdVersion;
  /** Absent: it is said to be left out, for eyes and terminals. */
  readonly secret?: string;
  /** `host` as uname -n has it. */
  readonly server: { readonly host: string; readonly address: string; readonly disk: string };
  readonly machine: { readonly node: string; readonly address: string };
}

export const RESOURCE_FOLDER = '/etc/drbd.d';
export const resourcePath = ({ resource }: Pick<ResourceSides, 'resource'>): string =>
  `${RESOURCE_FOLDER}/statectl-${resource}.res`;

const HIDDEN = '(left out)';

/** What 8.4 has no words for: nobody writes by opening it, no other side is counted, and no common section of a cluster says otherwise. */
const OPTIONS_9 = `  options {
    auto-promote no;
    quorum off;
  }
`;

/**
 * The resource as drbdadm of 8.4 or 9 reads it on the server. The machine reads none: it is told port, minor and secret, and has
 * the same by drbdsetup. What matters is that a machine never waits for this side: protocol A, and who cannot follow is left
 * behind (pull-ahead) before the send buffer is full, since a full one blocks whoever writes; nor does the start of this host wait for
 * machines that are off, whoever enabled drbd.service. A machine that is filled at its boot is not slowed down for others who write to the
 * same disk (c-min-rate; measured: 0.7 MB/s with the 250 KiB/s that it is else). Pure.
 */
export const resourceText = ({ resource, port, minor, version, secret, server, machine }: ResourceSides): string =>
  `# Made by \`statectl node drbd ${machine.node}\`, which writes it anew: change config.d instead.
resource "${resource}" {
${version === 9 ? OPTIONS_9 : ''}  net {
    protocol A;
    cram-hmac-alg sha256;
    shared-secret "${secret ?? HIDDEN}";
    on-congestion pull-ahead;
    sndbuf-size 1M;
    congestion-fill 768K;
    ko-count 0;
    timeout 30;
    connect-int 5;
    ping-int 5;
    ping-timeout ${version === 9 ? 50 : 10};
  }
  startup {
    wfc-timeout 5;
    degr-wfc-timeout 5;
    outdated-wfc-timeout 5;
  }
  disk {
    on-io-error detach;
    c-plan-ahead 0;
    resync-rate 30M;
    c-min-rate 0;
  }
  on "${server.host}" {
${nodeId(version, SERVER_NODE_ID)}    device "/dev/drbd${minor}" minor ${minor};
    disk "${server.disk}";
    meta-disk internal;
    address ${addressText(server.address, port)};
  }
  # A file in the RAM of the machine, behind whichever loop device is free there.
  on "${machine.node}" {
${nodeId(version, MACHINE_NODE_ID)}    device "/dev/drbd${minor}" minor ${minor};
    disk "/dev/loop0";
    meta-disk internal;
    address ${addressText(machine.address, port)};
  }
}
`;

const nodeId = (version: DrbdVersion | undefined, id: number): string => (version === 9 ? `    node-id ${id};\n` : '');

const addressText = (address: string, port: number): string =>
  isIPv4(address) ? `ipv4 ${address}:${port}` : `ipv6 [${address}]:${port}`;

/** What resources of others have, as far as their text says it. Pure. */
export function takenIn(text: string): Taken {
  const plain = text.replace(/#.*$/gm, '');
  const all = (pattern: RegExp): readonly string[] => [...plain.matchAll(pattern)].map(([, found = '']) => found);
  return {
    ports: new Set(all(/[\d\]]:(\d{1,5})\s*;/g).map(Number)),
    minors: new Set([...all(/\bminor\s+(\d{1,7})/g), ...all(/\/dev\/drbd(\d{1,7})\b/g)].map(Number)),
    resources: new Set(all(/\bresource\s+"?([^\s"{]+)/g)),
  };
}
