import type { FastifyInstance } from 'fastify';
import { StatectlError } from '../../error.ts';
import { identityOf } from '../../protocol/machine-identity.ts';
import type { SecurePort } from '../../protocol/secure-port.ts';
import { machineFromQuery } from '../machine.ts';
import type { BootTokens } from './boot-tokens.ts';
import type { NodeIdentities } from './enrol.ts';
import type { ReadMachine } from './machine-reader.ts';

export interface TokenRouteOptions {
  readonly tokens: BootTokens;
  readonly nodes: NodeIdentities;
  /** Where machines enrol, by TLS. */
  readonly secure: SecurePort;
  /** Gets what an admin should look at. */
  readonly alarm: (text: string) => void;
}

/** Over plain HTTP: the port of the routes that need TLS, and tokens for machines whose record trusts the network. */
export function tokenRoutes(
  app: FastifyInstance,
  options: TokenRouteOptions | undefined,
  readMachine: ReadMachine = machineFromQuery,
): void {
  app.get('/v1/tls', async (_request, reply) => {
    if (!options) throw new StatectlError('route-unknown', 'this server has no certificate authority');
    return reply.header('cache-control', 'no-store').send(options.secure);
  });

  app.post<{ Querystring: Record<string, unknown> }>('/v1/token', async (request, reply) => {
    const found = await options?.nodes.ofMachine(identityOf(readMachine(request.query)));
    // Who is not trusted that way learns nothing, not even whether there is such a node.
    const refused = () => new StatectlError('token-refused', 'there is no token for this machine');
    if (!options || found?.identity.trust !== 'network') throw refused();
    const answer = options.tokens.take(found.node, request.ip);
    if ('alarm' in answer) {
      options.alarm(answer.alarm);
      throw refused();
    }
    return reply.header('cache-control', 'no-store').send(answer);
  });
}
