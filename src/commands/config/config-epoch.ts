import { Command } from 'commander';
import { linuxHost } from '../../host/linux/host.ts';
import { epochOf, raiseEpochOf } from '../../server/admin/epoch.ts';
import { serverState } from '../../server/admin/server-state.ts';
import { printJson, printLine } from '../print.ts';
import { stateOption } from '../state-option.ts';
import { jsonOption } from './config-source.ts';

/** For a server that was restored from a copy: its bundles would count as older than what machines have. */
export const configEpochVerb = (): Command =>
  new Command('epoch')
    .description('the epoch of bundles; raise it after the server was restored from a copy')
    .addOption(stateOption())
    .option('--raise', 'what this server sends from now on is newer than all before')
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  statectl config epoch --raise --state /srv/statectl')
    .action(async ({ state, raise, json }: { readonly state: string; readonly raise?: true; readonly json?: true }) => {
      const server = serverState(state, linuxHost());
      const epoch = await (raise ? raiseEpochOf(server) : epochOf(server));
      if (json) printJson({ epoch });
      else printLine(`epoch ${epoch}${raise ? ': machines take what this server sends from now on' : ''}`);
    });
