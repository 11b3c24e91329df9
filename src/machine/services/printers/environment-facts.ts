import type { Account } from '../../../host/host.ts';

/** Files of the environment of Klipper and Moonraker that are missing. */
export type EnvironmentFacts = readonly (Account & { readonly path: string; readonly content: string })[];
