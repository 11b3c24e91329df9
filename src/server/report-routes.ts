import type { FastifyInstance } from 'fastify';
import { keepReport, machineIdOf, parseReport } from './reports.ts';
import type { Store } from './store.ts';

const LARGEST_REPORT_BYTES = 256 * 1024;

/** Where machines tell what became of their boot. Reports are claims: they decide nothing but what `image remove` refuses. */
export function reportRoutes(app: FastifyInstance, store: Store): void {
  /** The last write of each machine that is under way: two reports at once must both be kept. */
  const pending = new Map<string, Promise<unknown>>();

  app.post('/v1/reports', { bodyLimit: LARGEST_REPORT_BYTES }, async (request, reply) => {
    const report = parseReport(request.body);
    const id = machineIdOf(report);
    const before = pending.get(id) ?? Promise.resolve();
    const kept = before.catch(() => {}).then(() => keepReport(store, report, request.ip));
    pending.set(id, kept);
    try {
      await kept;
    } finally {
      if (pending.get(id) === kept) pending.delete(id);
    }
    return reply.code(204).send();
  });
}
