import * as z from 'zod/mini';
import { StatectlError } from '../../error.ts';
import { readSaid } from '../../protocol/read-answer.ts';

/** One event of a server. */
export interface ServerEvent {
  readonly event: string;
  /** By which the stream is resumed. */
  readonly id?: string;
  readonly data: unknown;
}

/** `beat`: the server says nothing but that it is there. */
export type StreamMessage = ServerEvent | 'beat';

/** An event of ours has some hundred bytes. */
const LONGEST_EVENT_BYTES = 64 * 1024;

/**
 * Reads server-sent events (WHATWG HTML, 9.2.6) as they come. An event whose data is no JSON, or a stream that never ends a
 * line, is no server of ours: throws `stream-invalid`. Gives also each comment, so that whoever reads can look at the clock.
 */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<StreamMessage> {
  const decoder = new TextDecoder();
  let rest = '';
  let fields: { id?: string; event?: string; data?: string } = {};
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length + (fields.data?.length ?? 0) > LONGEST_EVENT_BYTES) throw invalid('an event is too long');
    for (const ended of lines) {
      const line = ended.endsWith('\r') ? ended.slice(0, -1) : ended;
      if (line.startsWith(':')) yield 'beat';
      else if (line === '') {
        const { id, event = 'message', data } = fields;
        fields = {};
        if (data !== undefined) yield { event, data: parse(data), ...(id !== undefined && { id }) };
      } else {
        const [, name = line, value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
        if (name === 'data') fields.data = fields.data === undefined ? value : `${fields.data}\n${value}`;
        else if (name === 'event') fields.event = value;
        // A header cannot have more than this: it is sent back.
        else if (name === 'id' && /^[\x21-\x7e]{1,100}$/.test(value)) fields.id = value;
      }
    }
  }
}

function parse(text: string): unknown {
  const { value, fault } = readSaid(text, z.unknown());
  if (fault !== undefined) throw invalid('an event has no JSON');
  return value;
}

const invalid = (why: string): StatectlError =>
  new StatectlError('stream-invalid', `that is no event stream of a statectl server: ${why}`);
