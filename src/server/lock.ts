import { holdLock } from '../host/lock.ts';
import { lockPath, type Store } from './store/store.ts';

/** Holds the store for changes to images until it is disposed. Throws `locked`. */
export const lockStore = (store: Store): Promise<AsyncDisposable> =>
  holdLock(store.host, lockPath(store), `changing ${store.root}`);
