import type { Config } from '../../config/config.ts';
import type { Account } from '../../host/host.ts';

/** Printers of this host whose state can be given back, and this boot's random id. */
export interface PrinterFacts {
  readonly boot: string;
  readonly printers: readonly {
    readonly name: string;
    readonly items: readonly (Config['state']['printers'][string]['items'][number] & Account)[];
  }[];
}
