import type { FastifyInstance } from 'fastify';
import type { LoadMeter } from './load.ts';

/** How busy this server is, for machines that choose among several. */
export function statusRoutes(app: FastifyInstance, meter: LoadMeter): void {
  app.get('/v1/status', async (_request, reply) => reply.header('cache-control', 'no-store').send(meter.status()));
}
