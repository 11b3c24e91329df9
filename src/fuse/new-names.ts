/** What is new in the folder that a cache shows, by node:fs, as that is. */
import {
  chmodSync,
  closeSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import type { Account } from '../host/host.ts';
import { CACHE_OWN } from '../protocol/state/cache.ts';

/** What has no name that others see yet. */
const UNBORN = `${CACHE_OWN}/new`;

/** The bit that gives a folder's group to what is made in it. */
const SET_GROUP = 0o2000;

/** All throw as node:fs does, EEXIST where the name is there. */
export interface NewNames {
  file(path: string, mode: number, account: Account): void;
  folder(path: string, mode: number, account: Account): void;
}

/**
 * Each has its mode and its account before it has its name: who is killed meanwhile leaves nothing that is root's, and no mask of
 * this process counts. `at`: where a path of the folder is.
 */
export function newNames(at: (path: string) => Buffer): NewNames {
  const unborn = at(UNBORN);
  const clear = (): void => rmSync(unborn, { recursive: true, force: true });
  clear();

  /** As a file system of Linux gives them. */
  function settle(path: string, mode: number, { uid, gid }: Account, isFolder: boolean): void {
    const above = lstatSync(at(path.slice(0, Math.max(path.lastIndexOf('/'), 0))));
    const ofGroup = (above.mode & SET_GROUP) !== 0;
    lchownSync(unborn, uid, ofGroup ? above.gid : gid);
    chmodSync(unborn, isFolder && ofGroup ? mode | SET_GROUP : mode);
  }

  return {
    file(path, mode, account) {
      clear();
      closeSync(openSync(unborn, 'wx', 0o600));
      settle(path, mode, account, false);
      linkSync(unborn, at(path));
      unlinkSync(unborn);
    },
    folder(path, mode, account) {
      clear();
      mkdirSync(unborn, 0o700);
      settle(path, mode, account, true);
      renameSync(unborn, at(path));
    },
  };
}
