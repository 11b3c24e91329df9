import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { StatectlError } from '../../../error.ts';
import {
  type MirrorAnswer,
  MirrorChanges,
  PIECE_TYPE,
  type PieceAnswer,
  PieceQuery,
} from '../../../protocol/state/mirror.ts';
import { readStanding, type Standing } from '../../../protocol/state/state.ts';
import { sendFile } from '../../images/send-file.ts';
import { turns } from '../../limits/turns.ts';
import type { Asker } from '../asker.ts';
import type { Mirrors } from './mirrors.ts';

interface Params {
  readonly printer: string;
  readonly item: string;
  readonly sha256: string;
}

/** Each is a file that grows as it comes. */
const RECEIVING = { atOnce: 64, waiting: 1_024, each: 4 };
/** Each reads and writes an index. */
const CHANGING = { atOnce: 8, waiting: 1_024, each: 4 };
/** As many changes as there may be, with the longest names that there may be. */
const LARGEST_CHANGES_BYTES = 2 << 20;

/** Where print hosts have their files from, and leave those of their own. */
export function mirrorRoutes(
  app: FastifyInstance,
  { mirror, askerOf }: { mirror: Mirrors; askerOf: (request: FastifyRequest, printer: string) => Promise<Asker> },
): void {
  const receiving = turns(RECEIVING);
  const changing = turns(CHANGING);
  // As it comes: whoever takes it in counts its bytes.
  app.addContentTypeParser(PIECE_TYPE, (_request, payload, done) => done(null, payload));

  app.get<{ Params: Params }>('/v1/state/:printer/:item/mirror', async (request, reply) => {
    const { printer, item } = request.params;
    const asker = await askerOf(request, printer);
    const listing = JSON.stringify(await changing.take(asker.node, () => mirror.list(printer, item, asker)));
    const etag = `"${createHash('sha256').update(listing).digest('hex')}"`;
    reply.headers({ etag, 'cache-control': 'no-cache' });
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    return reply.type('application/json').send(listing);
  });

  app.get<{ Params: Params }>('/v1/state/:printer/:item/mirror/files/:sha256', async (request, reply) => {
    const { printer, item, sha256 } = request.params;
    const file = await mirror.open(printer, item, sha256, await askerOf(request, printer));
    return sendFile(request, reply, file, { etag: `"${sha256}"`, cacheControl: 'no-store' });
  });

  app.post<{ Params: Params }>('/v1/state/:printer/:item/mirror/files/:sha256', async (request, reply) => {
    const { printer, item, sha256 } = request.params;
    const asker = await askerOf(request, printer);
    const standing = standingIn(request);
    const query = PieceQuery.safeParse(request.query);
    // A piece without a byte is the whole of an empty file.
    const body = (request.body ?? nothing()) as AsyncIterable<Uint8Array>;
    if (!query.success || !body[Symbol.asyncIterator])
      throw new StatectlError(
        'request-invalid',
        `a piece of a file is sent as ${PIECE_TYPE}, with ?at=BYTES&size=BYTES`,
      );
    const piece = { sha256, atBytes: Number(query.data.at), sizeBytes: Number(query.data.size) };
    const answer = await receiving.take(asker.node, () =>
      mirror.takePiece(printer, item, piece, standing, asker, body),
    );
    return reply.header('cache-control', 'no-store').send(answer satisfies PieceAnswer);
  });

  app.post<{ Params: Params }>(
    '/v1/state/:printer/:item/mirror/changes',
    { bodyLimit: LARGEST_CHANGES_BYTES },
    async (request, reply) => {
      const { printer, item } = request.params;
      const asker = await askerOf(request, printer);
      const standing = standingIn(request);
      const body = MirrorChanges.safeParse(request.body);
      if (!body.success)
        throw new StatectlError('request-invalid', `these are no changes of files: ${body.error.issues[0]?.message}`);
      const answer = await changing.take(asker.node, () =>
        mirror.change(printer, item, body.data.changes, standing, asker),
      );
      return reply.header('cache-control', 'no-store').send(answer satisfies MirrorAnswer);
    },
  );
}

function standingIn(request: FastifyRequest): Standing {
  const { value, fault } = readStanding(request.headers);
  if (fault === undefined) return value;
  throw new StatectlError('request-invalid', `its headers cannot be read: ${fault}`);
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
