import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isStatectlError, StatectlError } from '../error.ts';
import type { Clock } from '../host/host.ts';
import type { accessLog } from './access-log.ts';
import { sayRetryAfter } from './limits/admission.ts';
import { PROBLEM_TYPE, problemOf } from './problem.ts';

const BUSY_CODES = ['server-busy', 'reports-full'];

function answerProblem(error: unknown, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error);
  return reply
    .code(problem.status)
    .header('cache-control', 'no-store')
    .type(PROBLEM_TYPE)
    .send(JSON.stringify(problem));
}

/** `frameworkErrors` of Fastify: a malformed URL fails before any route and hook; it gets the same kind of answer and its line. */
export const answerBeforeRoutes =
  (access: ReturnType<typeof accessLog>) =>
  (error: unknown, request: unknown, reply: unknown): void => {
    access.watch(request as FastifyRequest, reply as FastifyReply);
    void answerProblem(error, reply as FastifyReply);
  };

/** Whatever goes wrong in a route, or because there is none, is answered by a problem; who comes too often is told when to come again. */
export function answerProblems(app: FastifyInstance, clock: Pick<Clock, 'random'>): void {
  app.setErrorHandler((error, _request, reply) => {
    const isBusy = isStatectlError(error) && BUSY_CODES.includes(error.code);
    if (isBusy && !reply.hasHeader('retry-after')) sayRetryAfter(reply, clock);
    return answerProblem(error, reply);
  });
  app.setNotFoundHandler(() => {
    throw new StatectlError('route-unknown', 'there is nothing under this path');
  });
}
