import fastify, { type FastifyInstance } from 'fastify';
import { beforeEach, describe, expect, it } from 'vitest';
import { IdentityFile } from '../../../../src/config/schema/identity.ts';
import { bootTokens } from '../../../../src/server/machines/boot-tokens.ts';
import { type TokenRouteOptions, tokenRoutes } from '../../../../src/server/machines/token-routes.ts';
import { problemOf } from '../../../../src/server/problem.ts';

const TRUST: Readonly<Record<string, 'network' | 'proven'>> = {
  '52:54:00:12:34:01': 'network',
  '52:54:00:12:34:02': 'proven',
};

let nowMs: number;
let alarms: string[];
let app: FastifyInstance;
const appWith = (options: TokenRouteOptions | undefined): FastifyInstance => {
  const made = fastify();
  made.setErrorHandler((error, _request, reply) => {
    const problem = problemOf(error);
    return reply.code(problem.status).send(problem);
  });
  tokenRoutes(made, options);
  return made;
};
beforeEach(() => {
  [nowMs, alarms] = [0, []];
  app = appWith({
    tokens: bootTokens(() => nowMs),
    secure: { port: 8443, name: 'common' },
    alarm: (text) => void alarms.push(text),
    nodes: {
      ofMachine: async ({ macs: [mac = ''] }) => {
        const trust = TRUST[mac];
        return trust && { node: `node-${mac.at(-1)}`, identity: IdentityFile.parse({ trust }), users: {} };
      },
      ofNode: async () => undefined,
    },
  });
});
const ask = async (mac: string, remoteAddress = '10.0.0.1') => {
  const answer = await app.inject({ method: 'POST', url: `/v1/token?mac=${mac}`, remoteAddress });
  const kept = answer.headers['cache-control'];
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>(), kept };
};

describe('a boot token by plain HTTP', () => {
  it('is given to a machine whose record trusts the network', async () => {
    const { status, body, kept } = await ask('52:54:00:12:34:01');
    // No proxy on the way keeps it for others.
    expect([status, body, kept]).toEqual([200, { token: expect.stringMatching(/^[\w-]{32}$/) }, 'no-store']);
  });

  it('is refused to all others in the same words, so that nobody learns which machines there are', async () => {
    const [proven, unknown] = [await ask('52:54:00:12:34:02'), await ask('52:54:00:99:99:99')];
    expect(proven).toEqual(unknown);
    expect(proven).toMatchObject({ status: 404, body: { type: 'urn:statectl:problem:token-refused' } });
  });

  it('is refused to whoever spoofs a MAC address while the machine has one, and both lose', async () => {
    expect((await ask('52:54:00:12:34:01')).status).toBe(200);
    expect((await ask('52:54:00:12:34:01', '10.0.0.66')).status).toBe(404);
    expect(alarms).toEqual([expect.stringContaining('10.0.0.1 and 10.0.0.66 both say that they are node-1')]);
  });

  it('is for minutes: afterwards another address may ask', async () => {
    await ask('52:54:00:12:34:01');
    nowMs += 10 * 60_000;
    expect((await ask('52:54:00:12:34:01', '10.0.0.2')).status).toBe(200);
    expect(alarms).toEqual([]);
  });

  it('is not there on a server without an authority, nor a port for TLS', async () => {
    const tls = await app.inject('/v1/tls');
    expect([tls.json(), tls.headers['cache-control']]).toEqual([{ port: 8443, name: 'common' }, 'no-store']);
    app = appWith(undefined);
    expect((await ask('52:54:00:12:34:01')).status).toBe(404);
    expect((await app.inject('/v1/tls')).statusCode).toBe(404);
  });
});
