import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { StatectlError } from '../../error.ts';
import type { Admission } from '../limits/admission.ts';
import { blobPath, type Store } from '../store/store.ts';
import { openFile } from './blob-file.ts';
import { getImage } from './image-record.ts';
import { sendFile } from './send-file.ts';

/** RFC 8246: what has this header is never asked for again under the same name. */
const FOR_EVER = 'public, max-age=31536000, immutable';

/** What Debian's package ipxe has and firmware asks for. A list, so that the rest of its folder stays private. */
const IPXE_FILES = ['undionly.kpxe', 'ipxe.efi', 'snponly.efi', 'ipxe-arm64.efi', 'snponly-arm64.efi'];

const unknown = (what: string) => new StatectlError('blob-unknown', `there is no such ${what} on this server`);

/** The files of images, each under a name that says its content, and iPXE itself for firmware that boots by HTTP. */
export function imageRoutes(app: FastifyInstance, store: Store, admission: Admission, ipxeDirectory: string): void {
  type Named = { Params: { name: string; version: string } };

  app.get<Named>('/v1/images/:name/:version/manifest.json', async (request, reply) => {
    const { record } = await getImage(store, request.params);
    return reply.headers({ 'content-type': 'application/json', 'cache-control': 'no-cache' }).send(record.manifest);
  });

  app.get<Named>('/v1/images/:name/:version/manifest.json.sig', async (request, reply) => {
    const { record } = await getImage(store, request.params);
    reply.headers({ 'content-type': 'application/octet-stream', 'cache-control': 'no-cache' });
    return reply.send(Buffer.from(record.signature, 'base64'));
  });

  app.route<{ Params: { hex: string } }>({
    method: ['GET', 'HEAD'],
    url: '/blobs/sha256/:hex',
    handler: async (request, reply) => {
      const file = await openFile(blobPath(store, request.params.hex));
      if (file === undefined) throw unknown('blob');
      const etag = `"${request.params.hex}"`;
      const admitted = await admission.transfer(request, reply, file, { etag });
      return sendFile(request, reply, admitted, { etag, cacheControl: FOR_EVER });
    },
  });

  app.route<{ Params: { file: string } }>({
    method: ['GET', 'HEAD'],
    url: '/ipxe/:file',
    handler: async (request, reply) => {
      const name = IPXE_FILES.find((known) => known === request.params.file);
      const file = name === undefined ? undefined : await openFile(join(ipxeDirectory, name));
      if (file === undefined) throw unknown('file');
      const etag = `"${name}-${file.sizeBytes}"`;
      const admitted = await admission.transfer(request, reply, file, { etag, isUrgent: true });
      return sendFile(request, reply, admitted, { etag, cacheControl: 'no-cache' });
    },
  });
}
