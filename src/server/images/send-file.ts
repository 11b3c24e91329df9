import type { FastifyReply, FastifyRequest } from 'fastify';
import { StatectlError } from '../../error.ts';
import { planTransfer } from '../limits/transfer.ts';
import type { OpenFile } from './blob-file.ts';

/** Answers GET or HEAD with a file, whole or in part, streamed from the disk. Takes over the open file. */
export async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  file: OpenFile,
  { etag, cacheControl }: { readonly etag: string; readonly cacheControl: string },
): Promise<FastifyReply> {
  const transfer = planTransfer(request, etag, file.sizeBytes);
  const { start, end } = transfer.kind === 'part' ? transfer : { start: 0, end: file.sizeBytes - 1 };
  reply.headers({ etag, 'cache-control': cacheControl, 'accept-ranges': 'bytes', 'x-content-type-options': 'nosniff' });
  if (transfer.kind === 'part') reply.code(206).header('content-range', `bytes ${start}-${end}/${file.sizeBytes}`);
  if (transfer.kind === 'not-modified') reply.code(304);
  else if (transfer.kind !== 'unsatisfiable')
    reply.header('content-type', 'application/octet-stream').header('content-length', end - start + 1);
  const hasBody = (transfer.kind === 'whole' || transfer.kind === 'part') && request.method === 'GET' && end >= start;
  if (hasBody) return reply.send(file.stream(start, end));
  await file[Symbol.asyncDispose]();
  if (transfer.kind !== 'unsatisfiable') return reply.send();
  reply.header('content-range', `bytes */${file.sizeBytes}`).header('cache-control', 'no-store');
  throw new StatectlError('range-unsatisfiable', `that range is not in the file of ${file.sizeBytes} bytes`);
}
