import { secretName } from '../../config/secret-name.ts';
import type { Host } from '../../host/host.ts';
import type { Facts } from '../facts/facts.ts';
import { RUN } from '../paths.ts';
import type { Step } from '../steps/step.ts';

/** Where the machine segment of an initramfs has what `credentials` of server.info.conf names, each a file in PEM. */
export const SEGMENT_SECRETS = '/etc/statectl/secrets';
/** Where the running system has them, when the initramfs is gone. In RAM. */
export const CREDENTIALS = `${RUN}/credentials`;

/** The names of those that the segment has. */
export async function givenCredentials(
  { files }: Pick<Host, 'files'>,
  { config }: Pick<Facts, 'config'>,
): Promise<readonly string[]> {
  const { credentials } = config.server;
  const names = credentials ? [credentials.certificate, credentials.key].map(secretName) : [];
  const found = await Promise.all(names.map((name) => files.stat(`${SEGMENT_SECRETS}/${name}`)));
  return names.filter((_, index) => found[index] !== undefined);
}

/** The agent asks the same servers as the boot. Pure. */
export const planCredentials = (names: readonly string[] = []): readonly Step[] =>
  names.length === 0
    ? []
    : [
        { kind: 'mkdir', path: CREDENTIALS, mode: 0o700 },
        ...names.map(
          (name): Step => ({
            kind: 'copy-file',
            from: `${SEGMENT_SECRETS}/${name}`,
            to: `${CREDENTIALS}/${name}`,
            mode: 0o600,
          }),
        ),
      ];
