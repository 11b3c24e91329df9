import type { Config } from '../../../../src/config/config.ts';
import { CONFIG_FILES } from '../../../../src/config/settings/files.ts';
import { loadFiles } from '../../../fixtures/config.ts';

/** What a file with this text gives. */
export const read = async <Part extends keyof Config>(part: Part, text: string): Promise<Config[Part]> =>
  (await loadFiles({ [CONFIG_FILES[part].path]: text }))[part];

/** Its faults, one a line, as `LINE:COLUMN what`. */
export async function faultsOf(part: keyof Config, text: string): Promise<string> {
  try {
    await read(part, text);
  } catch (error) {
    return (error as Error).message.replaceAll(`${CONFIG_FILES[part].path}:`, '');
  }
  return 'no fault';
}

/** A key that sshd takes. */
export const PUBLIC_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4qzWVtK0b5d1bD9lUo3yq2mJpF0S6e0vY1o1f8o5nq ada';
