import type { Sockets } from '../host.ts';

/** A machine on which nothing listens. */
export const NO_SOCKETS: Sockets = {
  connect: (path) => Promise.reject(Object.assign(new Error(`connect ENOENT ${path}`), { code: 'ENOENT' })),
};
