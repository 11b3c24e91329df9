import { StatectlError } from '../error.ts';

const HOST_HEADER = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/** True for `host[:port]` and nothing else: the value goes into boot scripts and kernel command lines. */
export const isHostHeader = (text: string): boolean => HOST_HEADER.test(text);

/** Reads `http://host[:port]`, as machines shall see the server. Throws `url-invalid`. */
export function parsePublicUrl(text: string): string {
  const [, origin, host = ''] = /^(https?:\/\/([^/]*))\/?$/.exec(text) ?? [];
  if (origin === undefined || !isHostHeader(host))
    throw new StatectlError('url-invalid', `"${text}" is not a server's URL`, {
      hint: 'write it as http://192.168.7.1:8080, with no path behind it',
    });
  return origin;
}
