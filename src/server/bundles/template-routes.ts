import { setImmediate as othersFirst } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { RenderedFile } from '../../config/templates/rendered-file.ts';
import { StatectlError } from '../../error.ts';
import type { MachineIdentity } from '../../protocol/machine-identity.ts';
import { identityOf } from '../../protocol/machine-identity.ts';
import { MOST_PLAIN_CONNECTIONS, MOST_PLAIN_CONNECTIONS_OF_ADDRESS } from '../limits/connection-bound.ts';
import { senderOf } from '../limits/sender.ts';
import { turns } from '../limits/turns.ts';
import type { ReadMachine } from '../machines/machine-reader.ts';

/** What a template says for a machine; undefined where there is none, or it is not for everybody. */
export type RenderPublic = (name: string, machine: MachineIdentity) => Promise<RenderedFile | undefined>;

/** A rendering keeps everybody else waiting, for as long as the limits of templates let it: one at a time, and others between. */
const RENDERING = {
  atOnce: 1,
  waiting: MOST_PLAIN_CONNECTIONS,
  each: MOST_PLAIN_CONNECTIONS_OF_ADDRESS,
};

const CONTENT_TYPES: Readonly<Record<string, string>> = { 'cloud-config': 'text/cloud-config; charset=utf-8' };

/** Templates that say `public: true`, by name: metadata as an env file, iPXE scripts, cloud-config (matchbox's uses). */
export function templateRoutes(
  app: FastifyInstance,
  render: RenderPublic | undefined,
  readMachine: ReadMachine,
  isKnown?: (sender: string) => boolean,
): void {
  const rendering = turns({ ...RENDERING, ...(isKnown && { isFirst: isKnown }) });
  app.get<{ Params: { '*': string }; Querystring: Record<string, unknown> }>(
    '/v1/templates/*',
    async (request, reply) => {
      const name = request.params['*'];
      const machine = identityOf(readMachine(request.query));
      const file = await rendering.take(senderOf(request.ip), async () => {
        await othersFirst();
        return render?.(name, machine);
      });
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
