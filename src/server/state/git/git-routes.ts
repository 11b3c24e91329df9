import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isStatectlError, StatectlError } from '../../../error.ts';
import { readBody } from '../../../host/http/read-body.ts';
import { readSaid } from '../../../protocol/read-answer.ts';
import {
  CONFIG_TYPE,
  ConfigChanges,
  type ConfigFiles,
  type ConfigHead,
  type ConfigTaken,
  LARGEST_CONFIG_BODY_BYTES,
} from '../../../protocol/state/config-files.ts';
import { readStanding } from '../../../protocol/state/state.ts';
import { turns } from '../../limits/turns.ts';
import type { Asker } from '../asker.ts';
import type { Configs } from './configs.ts';

interface Params {
  readonly printer: string;
  readonly item: string;
}

/** Each runs a few programs. */
const WORKING = { atOnce: 4, waiting: 1_024, each: 4 };

/** Where print hosts leave their config, and get what people changed. */
export function gitRoutes(
  app: FastifyInstance,
  configs: Configs,
  askerOf: (request: FastifyRequest, printer: string) => Promise<Asker>,
): void {
  const working = turns(WORKING);
  // As it comes: nobody's is read before it is known whose it is.
  app.addContentTypeParser(CONFIG_TYPE, (_request, payload, done) => done(null, payload));

  app.get<{ Params: Params }>('/v1/state/:printer/:item/config/head', async (request, reply) => {
    const { printer, item } = request.params;
    const id = await configs.current(printer, item, await askerOf(request, printer));
    return reply.header('cache-control', 'no-store').send({ id } satisfies ConfigHead);
  });

  app.get<{ Params: Params; Querystring: { since?: unknown } }>(
    '/v1/state/:printer/:item/config',
    async (request, reply) => {
      const { printer, item } = request.params;
      const asker = await askerOf(request, printer);
      const { since } = request.query;
      const known = typeof since === 'string' ? since : undefined;
      const files = await working.take(asker.node, () => configs.files(printer, item, known, asker));
      return reply.header('cache-control', 'no-store').send(files satisfies ConfigFiles);
    },
  );

  app.post<{ Params: Params }>('/v1/state/:printer/:item/config', async (request, reply) => {
    const { printer, item } = request.params;
    const asker = await askerOf(request, printer);
    const { value: standing, fault } = readStanding(request.headers);
    if (fault !== undefined) throw new StatectlError('request-invalid', `its headers cannot be read: ${fault}`);
    const body = request.body as AsyncIterable<Uint8Array> | null | undefined;
    if (!body?.[Symbol.asyncIterator])
      throw new StatectlError('request-invalid', `changes of a config are sent as ${CONFIG_TYPE}`);
    const taken = await working.take(asker.node, async () => {
      const said = readSaid(await bodyOf(body), ConfigChanges);
      if (said.fault !== undefined)
        throw new StatectlError('request-invalid', `changes of a config cannot be read: ${said.fault}`);
      return configs.ship(printer, item, standing, asker, said.value);
    });
    return reply.header('cache-control', 'no-store').send(taken satisfies ConfigTaken);
  });
}

/** Throws `config-too-large`. */
const bodyOf = (body: AsyncIterable<Uint8Array>): Promise<Buffer> =>
  readBody(body, LARGEST_CONFIG_BODY_BYTES).catch((cause: unknown) => {
    if (!isStatectlError(cause)) throw cause;
    throw new StatectlError(
      'config-too-large',
      `it sends more than the ${LARGEST_CONFIG_BODY_BYTES} bytes of a config`,
      {
        cause,
        hint: 'a config is text of people: keep what is so large elsewhere',
      },
    );
  });
