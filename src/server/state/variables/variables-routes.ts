import type { FastifyInstance, FastifyRequest } from 'fastify';
import { StatectlError } from '../../../error.ts';
import { readStanding, type ShipAnswer } from '../../../protocol/state/state.ts';
import { SHIPMENT_LIMITS, VariablesShipment } from '../../../protocol/variables/shipment.ts';
import { turns } from '../../limits/turns.ts';
import type { Asker } from '../asker.ts';
import type { SavedVariables } from './variables.ts';

interface Params {
  readonly printer: string;
  readonly item: string;
}

/** Each reads and writes a file of at most 1 MiB. */
const CHANGING = { atOnce: 8, waiting: 1_024, each: 4 };

/** Where print hosts leave what Klipper saves in variables, and get it back. */
export function variablesRoutes(
  app: FastifyInstance,
  options: { variables: SavedVariables; askerOf: (request: FastifyRequest, printer: string) => Promise<Asker> },
): void {
  const { variables, askerOf } = options;
  const changing = turns(CHANGING);

  app.get<{ Params: Params }>('/v1/state/:printer/:item/variables', async (request, reply) => {
    const { printer, item } = request.params;
    const asker = await askerOf(request, printer);
    const { sha256, text } = await changing.take(asker.node, () => variables.find(printer, item, asker));
    reply.headers({ etag: `"${sha256}"`, 'cache-control': 'no-store' });
    return reply.type('application/octet-stream').send(Buffer.from(text));
  });

  app.post<{ Params: Params }>(
    '/v1/state/:printer/:item/variables',
    { bodyLimit: SHIPMENT_LIMITS.bytes },
    async (request, reply) => {
      const { printer, item } = request.params;
      const asker = await askerOf(request, printer);
      const { value: standing, fault } = readStanding(request.headers);
      if (fault !== undefined) throw new StatectlError('request-invalid', `its headers cannot be read: ${fault}`);
      const body = VariablesShipment.safeParse(request.body);
      if (!body.success)
        throw new StatectlError('request-invalid', `these are no variables: ${body.error.issues[0]?.message}`);
      const answer = await changing.take(asker.node, () => variables.ship(printer, item, body.data, standing, asker));
      return reply.header('cache-control', 'no-store').send(answer satisfies ShipAnswer);
    },
  );
}
