import type { FastifyInstance } from 'fastify';
import type { MachineIdentity } from '../config/identity.ts';
import type { RenderedFile } from '../config/templates/render.ts';
import { StatectlError } from '../error.ts';
import { identityOf } from './machine.ts';
import type { ReadMachine } from './machine-reader.ts';

/** What a template says for a machine; undefined where there is none, or it is not for everybody. */
export type RenderPublic = (name: string, machine: MachineIdentity) => Promise<RenderedFile | undefined>;

const CONTENT_TYPES: Readonly<Record<string, string>> = { 'cloud-config': 'text/cloud-config; charset=utf-8' };

/** Templates that say `public: true`, by name: metadata as an env file, iPXE scripts, cloud-config (matchbox's uses). */
export function templateRoutes(app: FastifyInstance, render: RenderPublic | undefined, readMachine: ReadMachine): void {
  app.get<{ Params: { '*': string }; Querystring: Record<string, unknown> }>(
    '/v1/templates/*',
    async (request, reply) => {
      const name = request.params['*'];
      const machine = identityOf(readMachine(request.query));
      const file = await render?.(name, machine);
      if (file === undefined)
        throw new StatectlError('template-unknown', 'there is no template of this name for everybody', {
          hint: 'a template is served by its name when its settings say `public: true`',
        });
      const type = CONTENT_TYPES[file.kind] ?? 'text/plain; charset=utf-8';
      return reply
        .headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
        .type(type)
        .send(file.content);
    },
  );
}
