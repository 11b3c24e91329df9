import * as z from 'zod/mini';

/** What machines read of `GET /v1/status` to choose a server, so its fields only ever get more. */
export const ServerStatus = z.object({
  /** Whether a machine may begin to boot from here now. */
  accepting: z.boolean(),
  /** 0: nothing to do, 1: as much as it can, or more. Who says too little of it would get all machines. */
  load: z.number().check(z.minimum(0), z.maximum(1)),
});
export type ServerStatus = z.infer<typeof ServerStatus>;
