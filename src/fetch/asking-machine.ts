import type { CommandLine } from '../config/command-line/command-line.ts';
import type { Config } from '../config/config.ts';
import type { KnownServers } from './server-facts.ts';

/** What asking servers needs to know of the machine that asks: a part of its facts. */
export interface AskingMachine {
  readonly config: Config;
  readonly commandLine: CommandLine;
  readonly machine: {
    /** As `uname -m` prints it. */
    readonly arch: string;
    readonly uuid?: string;
    readonly serial?: string;
    /** PEM public keys whose signatures count. */
    readonly trustedKeys: readonly string[];
  };
  readonly network: {
    readonly interfaces?: readonly {
      readonly name: string;
      readonly mac: string;
      readonly wireless: boolean;
      /** Its address is another one at each boot, and tells nothing. */
      readonly random?: true;
    }[];
    readonly leases?: readonly {
      readonly device: string;
      /** The card, where the interface is a VLAN, bond or bridge over it. */
      readonly card?: string;
      readonly hostname?: string;
    }[];
  };
  readonly servers: Pick<KnownServers, 'inOrder'>;
}
