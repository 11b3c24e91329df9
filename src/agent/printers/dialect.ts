import * as z from 'zod/mini';
import { readSaid } from '../../protocol/read-answer.ts';
import { VERSION } from '../../version.ts';

/** What is asked for of each object: what changes with a print, and nothing that changes all the time. */
const OBJECTS = {
  webhooks: ['state', 'state_message'],
  print_stats: ['state', 'filename', 'message'],
  virtual_sdcard: ['is_active'],
  pause_resume: ['is_paused'],
};
/** Asked for when a print has ended. */
const POSITION = { virtual_sdcard: ['file_position', 'file_size'] };

/** Numbers of our requests: what an answer belongs to. */
const REQUESTS = { info: 1, subscribe: 2, beat: 3, position: 4 } as const;
type Request = keyof typeof REQUESTS;

/** How a program is asked; the answers and what it tells are the same but for their wrapping. */
export interface Dialect {
  readonly name: 'klipper' | 'moonraker';
  readonly request: (request: Request) => object;
}

/** Klipper, docs/API_Server.md. `client_info` goes into its log, so it is said once. */
export const KLIPPER: Dialect = {
  name: 'klipper',
  request: (request) => ({ id: REQUESTS[request], ...CALLS[request] }),
};

const CALLS: Readonly<Record<Request, { readonly method: string; readonly params: object }>> = {
  info: { method: 'info', params: { client_info: { program: 'statectl', version: VERSION } } },
  subscribe: {
    method: 'objects/subscribe',
    params: { objects: OBJECTS, response_template: { method: 'notify_status_update' } },
  },
  beat: { method: 'info', params: {} },
  position: { method: 'objects/query', params: { objects: POSITION } },
};

/** Moonraker, docs/external_api/jsonrpc_notifications.md. It passes on what Klipper says. */
export const MOONRAKER: Dialect = {
  name: 'moonraker',
  request: (request) => ({ jsonrpc: '2.0', id: REQUESTS[request], ...RPC_CALLS[request] }),
};

const RPC_CALLS: typeof CALLS = {
  info: { method: 'printer.info', params: {} },
  subscribe: { method: 'printer.objects.subscribe', params: { objects: OBJECTS } },
  beat: { method: 'printer.info', params: {} },
  position: { method: 'printer.objects.query', params: { objects: POSITION } },
};

/** Each part of it is looked at by itself: one that is of another kind than is known is as one that was not said. */
const part = <T extends z.core.$ZodType>(schema: T) => z.catch(z.optional(schema), undefined);
const orNull = <T extends z.core.$ZodType>(schema: T) => part(z.nullable(schema));

const Status = z.looseObject({
  webhooks: part(z.looseObject({ state: orNull(z.string()), state_message: orNull(z.string()) })),
  print_stats: part(
    z.looseObject({ state: orNull(z.string()), filename: orNull(z.string()), message: orNull(z.string()) }),
  ),
  virtual_sdcard: part(
    z.looseObject({
      is_active: orNull(z.boolean()),
      file_position: orNull(z.number()),
      file_size: orNull(z.number()),
    }),
  ),
  pause_resume: part(z.looseObject({ is_paused: orNull(z.boolean()) })),
});
export type ObjectStatus = z.output<typeof Status>;

const Message = z.looseObject({
  id: part(z.number()),
  method: part(z.string()),
  error: part(z.looseObject({ message: part(z.string()) })),
  result: part(z.looseObject({ status: part(Status), process_id: part(z.number()), state: part(z.string()) })),
  params: part(z.unknown()),
});

/** What one message comes to. */
export type Heard =
  | { readonly kind: 'status'; readonly status: ObjectStatus }
  | { readonly kind: 'position'; readonly position: number; readonly size: number }
  | { readonly kind: 'info'; readonly pid?: number }
  | { readonly kind: 'error'; readonly request: number; readonly why: string }
  /** Moonraker has no Klipper any more. */
  | { readonly kind: 'gone' };

const GONE = 'notify_klippy_disconnected';
/** Behind Moonraker: Klipper is there again, and knows nothing of what was asked for. */
const BACK = 'notify_klippy_ready';

/** Reads a message of either. undefined: nothing that matters here. Pure. */
export function readMessage(text: string): Heard | 'again' | undefined {
  const { value } = readSaid(text, Message);
  if (value === undefined) return undefined;
  const { id, method, error, result, params } = value;
  if (id !== undefined && error) return { kind: 'error', request: id, why: error.message ?? 'no reason is given' };
  if (id === REQUESTS.subscribe) return result?.status && { kind: 'status', status: result.status };
  if (id === REQUESTS.position) {
    const { file_position: position, file_size: size } = result?.status?.virtual_sdcard ?? {};
    return position == null || size == null ? undefined : { kind: 'position', position, size };
  }
  if (id === REQUESTS.info || id === REQUESTS.beat)
    return result && { kind: 'info', ...(isPid(result.process_id) && { pid: result.process_id }) };
  if (method === BACK) return 'again';
  if (method === GONE) return { kind: 'gone' };
  if (method !== 'notify_status_update') return undefined;
  // Klipper has it in a mapping beside the time, Moonraker as the first of a list.
  const status = z.safeParse(Status, Array.isArray(params) ? params[0] : (params as { status?: unknown })?.status);
  return status.success ? { kind: 'status', status: status.data } : undefined;
}

const isPid = (value: number | undefined): value is number =>
  value !== undefined && Number.isSafeInteger(value) && value > 1 && value < 2 ** 22;
