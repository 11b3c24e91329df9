import type { FastifyInstance } from 'fastify';
import type { LoadMeter } from '../limits/load.ts';

/** How busy this server is, for machines that choose among several; and what is wrong with it, where something is. */
export function statusRoutes(
  app: FastifyInstance,
  meter: LoadMeter,
  troubles: () => readonly string[] = () => [],
): void {
  app.get('/v1/status', async (_request, reply) => {
    const trouble = troubles();
    const status = { ...meter.status(), ...(trouble.length > 0 && { trouble }) };
    return reply.header('cache-control', 'no-store').send(status);
  });
}
