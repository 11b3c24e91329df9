import { bundleEpoch, raiseEpoch } from '../bundles/bundle-number.ts';
import type { ServerState } from './server-state.ts';

/** Of the bundles of this server. Throws `bundle-number-invalid`. */
export const epochOf = async (state: ServerState): Promise<number> => bundleEpoch(await state.files());

/** After it was restored from a copy; gives the new one. Throws `bundle-number-invalid`. */
export const raiseEpochOf = async (state: ServerState): Promise<number> => raiseEpoch(await state.files());
