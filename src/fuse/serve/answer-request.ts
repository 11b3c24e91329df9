import { answer, initBody, refusal, statfsBody } from '../wire/reply.ts';
import type { Request } from '../wire/request.ts';
import type { CacheFolder } from './cache-folder.ts';
import { create, mkdir, rename, rmdir, unlink } from './changes.ts';
import { type Answer, fsync, open, read, setattr, write } from './content.ts';
import { getattr, type Listings, lookup, opendir, readdir, readlink } from './names.ts';
import { errnoOf, Refused } from './refused.ts';

/** What is written to the kernel for a request; undefined: nothing, or nothing yet. */
export function answerRequest(folder: CacheFolder, listings: Listings, request: Request): Buffer | undefined {
  try {
    const body = bodyOf(folder, listings, request);
    return body === 'later' || body === 'never' ? undefined : answer(request.unique, body);
  } catch (error) {
    return refusal(request.unique, errnoOf(error));
  }
}

const DONE = Buffer.alloc(0);

function bodyOf(folder: CacheFolder, listings: Listings, request: Request): Answer | 'never' {
  switch (request.op) {
    case 'init':
      return initBody(request);
    case 'lookup':
      return lookup(folder, request);
    case 'forget':
      for (const { node, count } of request.nodes) {
        const gone = folder.nodes.forget(node, count);
        if (gone?.inode !== undefined) folder.real.letGo(gone.inode);
      }
      return 'never';
    case 'getattr':
      return getattr(folder, request);
    case 'setattr':
      return setattr(folder, request);
    case 'readlink':
      return readlink(folder, request);
    case 'mkdir':
      return mkdir(folder, request);
    case 'unlink':
      return unlink(folder, request);
    case 'rmdir':
      return rmdir(folder, request);
    case 'rename':
      return rename(folder, request);
    case 'open':
      return open(folder, request);
    case 'create':
      return create(folder, request);
    case 'read':
      return read(folder, request);
    case 'write':
      return write(folder, request);
    case 'fsync':
      return fsync(folder, request);
    case 'release':
      folder.handles.released(request.handle);
      return DONE;
    case 'opendir':
      return opendir(folder, listings, request);
    case 'readdir':
    case 'readdirplus':
      return readdir(folder, listings, request);
    case 'releasedir':
      listings.delete(request.handle);
      return DONE;
    case 'statfs':
      return statfsBody(folder.real.statfs());
    // Who waits for a file and is interrupted is answered where it waits.
    case 'interrupt':
    case 'destroy':
      return 'never';
    // A link that leads nowhere halts Klipper, and a second name is no state of a mirror.
    case 'forbidden':
      throw new Refused('EPERM');
    case 'broken':
      throw new Refused('EINVAL');
    case 'unknown':
      throw new Refused('ENOSYS');
  }
}
