import { Command } from 'commander';
import { linuxHost } from '../../host/linux/host.ts';
import { serverState } from '../../server/admin/server-state.ts';
import { jsonOption } from '../config/config-source.ts';
import { stateOption } from '../state-option.ts';

export interface PrinterOptions {
  readonly state: string;
  readonly json?: true;
}

/** What help says of the argument that names a printer. */
export const PRINTER = 'its name, as `statectl printer list` has it';

export const stateOf = ({ state }: PrinterOptions) => serverState(state, linuxHost());

export const verb = (name: string, description: string, ...examples: readonly string[]): Command =>
  new Command(name)
    .description(description)
    .addHelpText(
      'after',
      `\nExample${examples.length > 1 ? 's' : ''}:\n${examples.map((one) => `  ${one}`).join('\n')}`,
    );

/** A verb over what a server has, whether it runs or not. */
export const onServer = (name: string, description: string, ...examples: readonly string[]): Command =>
  verb(name, description, ...examples)
    .addOption(stateOption())
    .addOption(jsonOption());
