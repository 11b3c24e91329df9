import type { ItemKind } from '../../protocol/state/state.ts';
import type { Store } from '../store/store.ts';
import { drbdKind } from './drbd/drbd-kind.ts';
import { gitKind } from './git/git-kind.ts';
import type { StateKind } from './kind.ts';
import { mirrorKind } from './mirror/mirror-kind.ts';
import { snapshotKind } from './snapshot/snapshot-kind.ts';
import { variablesKind } from './variables/variables-kind.ts';

/** What an admin may do with each class, on the files of a server whether it runs or not. One more is its line here. */
export const adminKinds = (store: Store): Readonly<Partial<Record<ItemKind, Omit<StateKind, 'head'>>>> => ({
  mirror: mirrorKind(store),
  snapshot: snapshotKind(store),
  variables: variablesKind(store),
  git: gitKind(store),
  drbd: drbdKind(store),
});
