import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { isStatectlError, reasonOf } from '../error.ts';

/** `--state DIR`, the same for every verb of the server. */
export const stateOption = (): Option =>
  new Option('--state <dir>', 'the state directory of the server')
    .env('STATECTL_STATE')
    .default('/var/lib/statectl')
    .argParser((text: string) => resolve(text));

/** Makes a reader of our rooms one of commander's: what it refuses is then a usage error, with the reader's hint. */
export const usage =
  <T>(read: (text: string) => T) =>
  (text: string): T => {
    try {
      return read(text);
    } catch (error) {
      const hint = isStatectlError(error) && error.hint !== undefined ? `: ${error.hint}` : '';
      throw new InvalidArgumentError(`${reasonOf(error)}${hint}`);
    }
  };
