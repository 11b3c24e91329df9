import { isSea } from 'node:sea';
import { loadPart } from './part.ts';

type Identity = typeof import('./identity.ts');
type Settings = typeof import('./settings.ts');

/** Proving who a machine is: loaded when it is asked for, from the executable or, in a checkout, from src. */
export const identityPart = async (): Promise<Identity> =>
  isSea() ? loadPart<Identity>('identity') : import('./identity.ts');

/** The reading of files of config.d, and of settings that another version of statectl compiled; loaded likewise. */
export const settingsPart = async (): Promise<Settings> =>
  isSea() ? loadPart<Settings>('settings') : import('./settings.ts');
