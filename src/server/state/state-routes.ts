import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { StatectlError } from '../../error.ts';
import type { Proof } from '../../protocol/enrolment.ts';
import {
  GENERATION_TYPE,
  type LeaseAnswer,
  LeaseRequest,
  readShipment,
  type ShipAnswer,
} from '../../protocol/state/state.ts';
import { openFile } from '../images/blob-file.ts';
import { sendFile } from '../images/send-file.ts';
import { plainAddress } from '../limits/plain-address.ts';
import { turns } from '../limits/turns.ts';
import type { Asker } from './asker.ts';
import { gitRoutes } from './git/git-routes.ts';
import { mirrorRoutes } from './mirror/mirror-routes.ts';
import type { NodePrinter } from './node-printer.ts';
import type { PrinterState } from './printer-state.ts';
import { variablesRoutes } from './variables/variables-routes.ts';

export interface StateRouteOptions {
  readonly printers: PrinterState;
  /** What config.d gives a node, by name of the printer. */
  readonly printersOf: (node: string) => Promise<ReadonlyMap<string, NodePrinter>>;
  /** Who asks. Throws `certificate-needed`. */
  readonly machineOf: (request: FastifyRequest) => Promise<{ readonly node: string; readonly proof?: Proof }>;
}

interface Params {
  readonly printer: string;
  readonly item: string;
  readonly id: string;
}

/** Each is a file that grows as it comes; a print host ships one after the other. */
const RECEIVING = { atOnce: 64, waiting: 1_024, each: 4 };
/** Each looks at a digest. */
const LEASING = { atOnce: 4, waiting: 1_024, each: 4 };

/** As the machine reaches this server, and from where; undefined: on this very host. */
function addressesOf({ localAddress, remoteAddress }: Pick<Socket, 'localAddress' | 'remoteAddress'>) {
  if (localAddress === undefined || remoteAddress === undefined) return undefined;
  const [server, machine] = [plainAddress(localAddress), plainAddress(remoteAddress)];
  return /^(?:127\.|::1$)/.test(server) ? undefined : { server, machine };
}

/** Where print hosts leave their state, and get it back at their next boot. */
export async function stateRoutes(app: FastifyInstance, options: StateRouteOptions): Promise<void> {
  const receiving = turns(RECEIVING);
  const leasing = turns(LEASING);
  // As it comes: whoever takes it in counts its bytes.
  app.addContentTypeParser(GENERATION_TYPE, (_request, payload, done) => done(null, payload));

  const askerOf = async (request: FastifyRequest, printer: string): Promise<Asker> => {
    const { node, proof = 'person' } = await options.machineOf(request);
    const has = (await options.printersOf(node)).get(printer);
    const addresses = addressesOf(request.raw.socket);
    return { node, proof, ...(has && { printer: has }), ...(addresses && { addresses }) };
  };

  mirrorRoutes(app, { mirror: options.printers.mirror, askerOf });
  variablesRoutes(app, { variables: options.printers.variables, askerOf });

  gitRoutes(app, options.printers.git, askerOf);

  app.post<{ Params: Params }>('/v1/state/:printer/lease', async (request, reply) => {
    const { printer } = request.params;
    const asker = await askerOf(request, printer);
    const body = LeaseRequest.safeParse(request.body);
    if (!body.success) throw new StatectlError('request-invalid', 'a lease is asked for by {boot}');
    const answer = await leasing.take(asker.node, () => options.printers.lease(printer, body.data.boot, asker));
    return reply.header('cache-control', 'no-store').send(answer satisfies LeaseAnswer);
  });

  app.get<{ Params: Params }>('/v1/state/:printer/:item/generations/:id', async (request, reply) => {
    const { printer, item, id } = request.params;
    const asker = await askerOf(request, printer);
    const found = await options.printers.snapshot.find(printer, item, id, asker);
    const file = await openFile(found.tar);
    if (!file) throw new StatectlError('generation-unknown', `${id} went away meanwhile`);
    return sendFile(request, reply, file, { etag: `"${found.sha256}"`, cacheControl: 'no-store' });
  });

  app.post<{ Params: Params }>('/v1/state/:printer/:item/generations', async (request, reply) => {
    const { printer, item } = request.params;
    const asker = await askerOf(request, printer);
    const { value: shipment, fault } = readShipment(request.headers);
    if (fault !== undefined) throw new StatectlError('request-invalid', `its headers cannot be read: ${fault}`);
    const body = request.body as AsyncIterable<Uint8Array> | null | undefined;
    if (!body?.[Symbol.asyncIterator])
      throw new StatectlError('request-invalid', `a generation is sent as ${GENERATION_TYPE}`);
    const answer = await receiving.take(asker.node, () => options.printers.ship(printer, item, shipment, asker, body));
    return reply.header('cache-control', 'no-store').send(answer satisfies ShipAnswer);
  });
}
