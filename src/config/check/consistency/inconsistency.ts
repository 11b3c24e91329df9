import type { SettingPath } from '../../tree/tree.ts';

/** Settings that each may be, but not together. */
export interface Inconsistency {
  /** The setting to change. */
  readonly path: SettingPath;
  readonly message: string;
  /** The setting that it does not go with, where a person has to see both. */
  readonly beside?: SettingPath;
}
