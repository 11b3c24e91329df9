import type { FastifyInstance } from 'fastify';
import { entryOf } from '../entry-of.ts';
import { reasonOf, StatectlError } from '../error.ts';

export interface ListenAddress {
  /** A literal address or a name, without brackets. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** Reads `0.0.0.0:8080`, `[::]:8080`, `:8080` or `8080`. Throws `listen-invalid`. */
export function parseListenAddress(text: string): ListenAddress {
  const [, bracketed, plain, port] = /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]*)):)?(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65535)
    throw new StatectlError('listen-invalid', `"${text}" is not an address to listen on`, {
      hint: 'write it as 0.0.0.0:8080, [::]:8080 or 8080',
    });
  return { host: bracketed ?? (plain || '0.0.0.0'), port: Number(port) };
}

export const writeListenAddress = ({ host, port }: ListenAddress): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'another program has that port: stop it (`ss -ltnp` names it), or choose another with --listen ADDRESS:PORT',
  EACCES: 'ports below 1024 need root or CAP_NET_BIND_SERVICE: choose a higher one with --listen ADDRESS:PORT',
  EADDRNOTAVAIL: 'this machine does not have that address: use --listen 0.0.0.0:PORT for all it has',
};

/** Throws `listen-failed`, with what an admin can do about it. */
export async function listen(app: FastifyInstance, address: ListenAddress): Promise<void> {
  try {
    await app.listen({ host: address.host, port: address.port });
  } catch (cause) {
    await app.close();
    const hint =
      entryOf(ADVICE, (cause as NodeJS.ErrnoException).code ?? '') ?? 'choose another with --listen ADDRESS:PORT';
    throw new StatectlError('listen-failed', `cannot listen on ${writeListenAddress(address)}: ${reasonOf(cause)}`, {
      cause,
      hint,
    });
  }
}
