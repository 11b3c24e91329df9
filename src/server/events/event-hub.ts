import { randomBytes } from 'node:crypto';
import type { Claims } from '../../protocol/claims.ts';
import type { EventName } from '../../protocol/events.ts';

/** One connection. */
export interface EventSink {
  /** Gives how many bytes wait for the reader. */
  write(text: string): number;
  /** `end`: what was written still goes out; `cut`: at once. */
  close(how: 'end' | 'cut'): void;
}

export interface EventReader {
  readonly node: string;
  /** Of its key. */
  readonly digest: string;
  readonly claims: Claims;
}

export interface EventHub {
  /** What the machine gets now; set before its stream opens, so that no change falls between. */
  contentOf(node: string): string | undefined;
  setContent(reader: EventReader, content: string): void;
  /** Opens the stream of a machine; an older one of the same machine is closed. Gives what to call when it has ended. */
  open(reader: EventReader, sink: EventSink, lastEventId?: string): () => void;
  publish(node: string, event: EventName, data: object): void;
  /** The last event of a machine whose key counts no more. One that has come with another key since then stays. */
  dismiss(reader: Pick<EventReader, 'node' | 'digest'>): void;
  /** Machines whose streams are open, and those that had one lately. */
  readonly known: readonly EventReader[];
  isOpen(node: string): boolean;
  readonly openCount: number;
  /** A comment to a fifteenth of the streams: called every second, each hears it every 15 s. */
  beat(): void;
  /** Drops what is kept of machines that left before this time. */
  forgetBefore(ms: number): void;
  close(): void;
}

/** Of each machine: it reads the last bundle in any case, so more says nothing new. */
const KEPT_EVENTS = 16;
/** Beyond what the kernel holds for the connection: a reader that lets so much wait does not read. */
const MOST_WAITING_BYTES = 64 * 1024;
const BEAT_SLOTS = 15;
const BEAT = ':\n\n';

interface Channel {
  reader: EventReader;
  content?: string;
  sequence: number;
  /** The number of the last event that is not kept any more. */
  lost: number;
  kept: { readonly sequence: number; readonly text: string }[];
  sink: EventSink | undefined;
  slot: number;
  leftMs: number;
}

/** The streams of events to machines (WHATWG HTML, 9.2), each with an id by which it is resumed. */
export function eventHub(now: () => number): EventHub {
  // Ids of an earlier life of the server must not be taken for ours.
  const life = randomBytes(6).toString('hex');
  const channels = new Map<string, Channel>();
  const slots = Array.from({ length: BEAT_SLOTS }, () => new Set<Channel>());
  let opened = 0;
  let turn = 0;
  let isClosed = false;

  const channelOf = (reader: EventReader): Channel => {
    const found = channels.get(reader.node);
    if (found) {
      // Another key of the same node: what the former machine heard says nothing about this one.
      if (found.reader.digest !== reader.digest) Object.assign(found, { lost: found.sequence, kept: [] });
      found.reader = reader;
      return found;
    }
    const made: Channel = { reader, sequence: 0, lost: 0, kept: [], sink: undefined, slot: 0, leftMs: now() };
    channels.set(reader.node, made);
    return made;
  };

  const leave = (channel: Channel, sink: EventSink, how?: 'end' | 'cut'): void => {
    if (how) sink.close(how);
    if (channel.sink !== sink) return;
    channel.sink = undefined;
    channel.leftMs = now();
    slots[channel.slot]?.delete(channel);
    opened -= 1;
  };

  const send = (channel: Channel, text: string): void => {
    const { sink } = channel;
    if (sink && sink.write(text) > MOST_WAITING_BYTES) leave(channel, sink, 'cut');
  };

  const textOf = (sequence: number, event: EventName, data: object): string =>
    `id: ${life}-${sequence}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

  const publishTo = (channel: Channel, event: EventName, data: object): void => {
    channel.sequence += 1;
    const { sequence } = channel;
    const text = textOf(sequence, event, data);
    channel.kept.push({ sequence, text });
    if (channel.kept.length > KEPT_EVENTS) channel.lost = channel.kept.shift()?.sequence ?? sequence;
    send(channel, text);
  };

  /** The number of an id that this channel can go on from. */
  const resumable = ({ sequence, lost }: Channel, id: string | undefined): number | undefined => {
    const [, ofLife, digits] = /^([0-9a-f]+)-(\d{1,15})$/.exec(id ?? '') ?? [];
    const at = Number(digits);
    return ofLife === life && at >= lost && at <= sequence ? at : undefined;
  };

  return {
    contentOf: (node) => channels.get(node)?.content,
    setContent(reader, content) {
      channelOf(reader).content = content;
    },
    open(reader, sink, lastEventId) {
      if (isClosed) {
        sink.close('end');
        return () => {};
      }
      const channel = channelOf(reader);
      if (channel.sink) leave(channel, channel.sink, 'cut');
      channel.sink = sink;
      opened += 1;
      channel.slot = opened % BEAT_SLOTS;
      slots[channel.slot]?.add(channel);
      const from = resumable(channel, lastEventId);
      if (from === undefined)
        send(channel, textOf(channel.sequence, lastEventId === undefined ? 'hello' : 'resync', { node: reader.node }));
      else {
        send(channel, textOf(from, 'hello', { node: reader.node }));
        for (const { sequence, text } of channel.kept) if (sequence > from) send(channel, text);
      }
      return () => leave(channel, sink);
    },
    publish(node, event, data) {
      const channel = channels.get(node);
      if (channel) publishTo(channel, event, data);
    },
    dismiss({ node, digest }) {
      const channel = channels.get(node);
      if (channel?.reader.digest !== digest) return;
      const reason = 'the key of this machine was revoked, or another took its place';
      publishTo(channel, 'identity', { state: 'revoked', reason });
      if (channel.sink) leave(channel, channel.sink, 'end');
      channels.delete(node);
    },
    get known() {
      return [...channels.values()].map(({ reader }) => reader);
    },
    isOpen: (node) => channels.get(node)?.sink !== undefined,
    get openCount() {
      return opened;
    },
    beat() {
      turn = (turn + 1) % BEAT_SLOTS;
      for (const channel of [...(slots[turn] ?? [])]) send(channel, BEAT);
    },
    forgetBefore(ms) {
      for (const [node, { sink, leftMs }] of channels) if (!sink && leftMs < ms) channels.delete(node);
    },
    close() {
      isClosed = true;
      for (const channel of channels.values()) if (channel.sink) leave(channel, channel.sink, 'end');
    },
  };
}
