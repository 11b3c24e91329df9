import type { RunOptions } from '../host.ts';

/**
 * What a program is started with. libuv takes all supplementary groups from a program that gets a uid (uv__process_child_init).
 * Who owns a process may read its environment: an account that is not ours gets nothing of this one's secrets.
 */
export const accountOptions = ({ as, env }: RunOptions) => ({
  env: { ...(as ? { PATH: process.env.PATH } : process.env), ...env },
  ...as,
});
