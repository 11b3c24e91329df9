import * as z from 'zod/mini';
import { entryOf } from '../../entry-of.ts';
import { short } from '../../machine/locks/lock.ts';
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
const REQUESTS = { info: 1, subscribe: 2, beat: 3, position: 4, objects: 5, boards: 6 } as const;

/** What is asked. `boards`: the objects of these names, for the version of their firmware. */
export type Request = Exclude<keyof typeof REQUESTS, 'boards'> | { readonly boards: readonly string[] };

/** How a program is asked; the answers and what it tells are the same but for their wrapping. */
export interface Dialect {
  readonly name: 'klipper' | 'moonraker';
  readonly request: (request: Request) => object;
}

interface Call {
  readonly method: string;
  readonly params: object;
}

const callOf =
  (calls: Readonly<Record<Exclude<Request, object>, Call>>, query: string) =>
  (request: Request): Call & { readonly id: number } => {
    if (typeof request === 'string') return { id: REQUESTS[request], ...calls[request] };
    const objects = Object.fromEntries(request.boards.map((name) => [name, ['mcu_version']]));
    return { id: REQUESTS.boards, method: query, params: { objects } };
  };

/** Klipper, docs/API_Server.md. `client_info` goes into its log, so it is said once. */
export const KLIPPER: Dialect = { name: 'klipper', request: (request) => askKlipper(request) };

const askKlipper = callOf(
  {
    info: { method: 'info', params: { client_info: { program: 'statectl', version: VERSION } } },
    subscribe: {
      method: 'objects/subscribe',
      params: { objects: OBJECTS, response_template: { method: 'notify_status_update' } },
    },
    beat: { method: 'info', params: {} },
    position: { method: 'objects/query', params: { objects: POSITION } },
    objects: { method: 'objects/list', params: {} },
  },
  'objects/query',
);

/** Moonraker, docs/external_api/jsonrpc_notifications.md. It passes on what Klipper says. */
export const MOONRAKER: Dialect = {
  name: 'moonraker',
  request: (request) => ({ jsonrpc: '2.0', ...askMoonraker(request) }),
};

const askMoonraker = callOf(
  {
    info: { method: 'printer.info', params: {} },
    subscribe: { method: 'printer.objects.subscribe', params: { objects: OBJECTS } },
    beat: { method: 'printer.info', params: {} },
    position: { method: 'printer.objects.query', params: { objects: POSITION } },
    objects: { method: 'printer.objects.list', params: {} },
  },
  'printer.objects.query',
);

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
  result: part(
    z.looseObject({
      status: part(Status),
      process_id: part(z.number()),
      state: part(z.string()),
      software_version: part(z.string()),
      objects: part(z.array(z.unknown())),
    }),
  ),
  params: part(z.unknown()),
});

/** What one message comes to. */
export type Heard =
  | { readonly kind: 'status'; readonly status: ObjectStatus }
  | { readonly kind: 'position'; readonly position: number; readonly size: number }
  | { readonly kind: 'info'; readonly pid?: number; readonly version?: string }
  /** Which of Klipper's objects are boards. */
  | { readonly kind: 'objects'; readonly boards: readonly string[] }
  /** By the name of each board, the version of its firmware. */
  | { readonly kind: 'boards'; readonly versions: Readonly<Record<string, string>> }
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
  // A Klipper that cannot be asked for its boards is asked for the rest all the same.
  if ((id === REQUESTS.objects || id === REQUESTS.boards) && error) return { kind: 'boards', versions: {} };
  if (id !== undefined && error) return { kind: 'error', request: id, why: error.message ?? 'no reason is given' };
  if (id === REQUESTS.subscribe) return result?.status && { kind: 'status', status: result.status };
  if (id === REQUESTS.position) {
    const { file_position: position, file_size: size } = result?.status?.virtual_sdcard ?? {};
    return position == null || size == null ? undefined : { kind: 'position', position, size };
  }
  if (id === REQUESTS.info || id === REQUESTS.beat)
    return (
      result && {
        ...{ kind: 'info', ...(isPid(result.process_id) && { pid: result.process_id }) },
        ...(result.software_version !== undefined && { version: short(result.software_version) }),
      }
    );
  if (id === REQUESTS.objects) return result?.objects && { kind: 'objects', boards: boardsAmong(result.objects) };
  if (id === REQUESTS.boards) return result?.status && { kind: 'boards', versions: versionsIn(result.status) };
  if (method === BACK) return 'again';
  if (method === GONE) return { kind: 'gone' };
  if (method !== 'notify_status_update') return undefined;
  // Klipper has it in a mapping beside the time, Moonraker as the first of a list.
  const status = z.safeParse(Status, Array.isArray(params) ? params[0] : (params as { status?: unknown })?.status);
  return status.success ? { kind: 'status', status: status.data } : undefined;
}

/** More than that are nobody's. */
const MOST_BOARDS = 16;
const BOARD = /^mcu(?: \S{1,64})?$/;

const boardsAmong = (names: readonly unknown[]): readonly string[] =>
  names.filter((name): name is string => typeof name === 'string' && BOARD.test(name)).slice(0, MOST_BOARDS);

const Board = z.looseObject({ mcu_version: z.string() });

/** One that did not answer has no version. */
const versionsIn = (status: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    boardsAmong(Object.keys(status)).flatMap((name) => {
      const board = z.safeParse(Board, entryOf(status, name));
      return board.success ? [[name.replace(/^mcu /, ''), short(board.data.mcu_version)] as const] : [];
    }),
  );

const isPid = (value: number | undefined): value is number =>
  value !== undefined && Number.isSafeInteger(value) && value > 1 && value < 2 ** 22;
