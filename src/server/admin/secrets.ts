import { StatectlError } from '../../error.ts';
import { openSecretStore } from '../machines/secret-store.ts';
import { secretOf, volumesIn } from '../state/drbd/volume-record.ts';
import type { ServerState } from './server-state.ts';

async function storeOf({ files }: ServerState, mode: 'create' | 'existing' = 'existing') {
  const { host, root } = await files(mode);
  return await openSecretStore(host, root);
}

/** Throws `secret-invalid`, `key-exposed`. */
export const setSecret = async (state: ServerState, name: string, value: Uint8Array): Promise<void> =>
  (await storeOf(state, 'create')).write(name, value);

export const secretNames = async (state: ServerState): Promise<readonly string[]> => (await storeOf(state)).names();

/** Throws `secret-unknown`, `secret-used`, `secret-invalid`, `volume-unusable`. */
export async function removeSecret(state: ServerState, name: string): Promise<void> {
  const { volumes } = await volumesIn(await state.files());
  const volume = volumes.find((one) => secretOf(one) === name);
  if (volume)
    throw new StatectlError('secret-used', `${name} is the secret of the volume ${volume.resource} of ${volume.node}`, {
      hint: 'without it neither side reaches the other; `statectl secret set` gives it another value',
    });
  if (await (await storeOf(state)).remove(name)) return;
  throw new StatectlError('secret-unknown', `there is no secret ${name}`, {
    hint: '`statectl secret list` names those that there are',
  });
}
