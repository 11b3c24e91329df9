import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Report } from '../../protocol/report.ts';
import { parseReport } from './reports.ts';

/** A report names what a machine boots and what changed; senders cut what is longer. */
export const LARGEST_REPORT_BYTES = 16 * 1024;

/** Where machines tell what became of their boot, and what changes while they run. `keep` says whose word it is. */
export function reportRoute(
  app: FastifyInstance,
  keep: (report: Report, request: FastifyRequest) => Promise<void>,
): void {
  app.post('/v1/reports', { bodyLimit: LARGEST_REPORT_BYTES }, async (request, reply) => {
    await keep(parseReport(request.body), request);
    return reply.code(204).send();
  });
}
