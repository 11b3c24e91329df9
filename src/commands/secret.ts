import { buffer } from 'node:stream/consumers';
import { Command } from 'commander';
import { linuxHost } from '../host/linux/host.ts';
import { printableLine } from '../printable.ts';
import { removeSecret, secretNames, setSecret } from '../server/admin/secrets.ts';
import { serverState } from '../server/admin/server-state.ts';
import { jsonOption } from './config/config-source.ts';
import { print, printJson, printLine, remark } from './print.ts';
import { stateOption } from './state-option.ts';

interface SecretOptions {
  readonly state: string;
  readonly json?: true;
}

const stateOf = ({ state }: SecretOptions) => serverState(state, linuxHost());

const setVerb = (): Command =>
  new Command('set')
    .description('keep a secret, read from standard input: never an argument, which every user of the server can see')
    .argument('<name>', 'as config.d names it: secret:NAME')
    .addOption(stateOption())
    .addHelpText(
      'after',
      '\nExamples:\n  statectl secret set moonraker-token < token\n  openssl passwd -6 | statectl secret set ada',
    )
    .action(async (name: string, options: SecretOptions) => {
      if (process.stdin.isTTY) remark(`type the secret ${name}, then Ctrl-D`);
      await setSecret(stateOf(options), name, await buffer(process.stdin));
      printLine(
        `${name} is kept; machines whose config.d names secret:${name} get it at their next boot, or when they renew their certificate`,
      );
    });

const listVerb = (): Command =>
  new Command('list')
    .description('the names of the secrets')
    .addOption(stateOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  statectl secret list --state /srv/statectl')
    .action(async (options: SecretOptions) => {
      const names = await secretNames(stateOf(options));
      if (options.json) printJson(names);
      else print(names.length === 0 ? 'no secrets yet\n' : names.map((name) => `${printableLine(name)}\n`).join(''));
    });

const removeVerb = (): Command =>
  new Command('remove')
    .description('forget a secret')
    .argument('<name>')
    .addOption(stateOption())
    .addHelpText('after', '\nExample:\n  statectl secret remove moonraker-token')
    .action(async (name: string, options: SecretOptions) => {
      await removeSecret(stateOf(options), name);
      printLine(`${name} is gone`);
    });

/** `statectl secret`: what config.d names `secret:NAME`, kept encrypted on the server. */
export const secretCommand = (): Command =>
  new Command('secret')
    .description('secrets of machines, kept encrypted below the state directory of the server')
    .addCommand(setVerb())
    .addCommand(listVerb())
    .addCommand(removeVerb())
    .addHelpText(
      'after',
      `
Each is a file in the age format, encrypted to STATE/keys/secrets.key: keep a copy of that key apart from the state.

Examples:
  statectl secret set moonraker-token --state /srv/statectl < token
  openssl passwd -6 | statectl secret set ada`,
    );
