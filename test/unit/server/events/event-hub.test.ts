import { describe, expect, it } from 'vitest';
import { type EventHub, type EventReader, type EventSink, eventHub } from '../../../../src/server/events/event-hub.ts';

const reader = (node: string, digest = `key of ${node}`): EventReader => ({ node, digest, claims: {} });

/** A connection that takes everything, or nothing. */
function connection(takes: 'all' | 'nothing' = 'all') {
  let text = '';
  let waiting = 0;
  let closed: 'end' | 'cut' | undefined;
  const sink: EventSink = {
    write(more) {
      text += more;
      waiting += takes === 'all' ? 0 : more.length;
      return waiting;
    },
    close(how) {
      closed ??= how;
    },
  };
  return {
    sink,
    get events() {
      return [...text.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name);
    },
    get lastId() {
      return [...text.matchAll(/^id: (\S+)$/gm)].at(-1)?.[1];
    },
    get beats() {
      return text.split(':\n\n').length - 1;
    },
    get closed() {
      return closed;
    },
  };
}

const publish = (hub: EventHub, count: number, node = 'print01') => {
  for (let index = 0; index < count; index += 1) hub.publish(node, 'bundle', { index });
};

describe('the events of a machine', () => {
  it('are its own, and begin with a greeting', () => {
    const hub = eventHub(() => 0);
    const [one, two] = [connection(), connection()];
    hub.open(reader('print01'), one.sink);
    hub.open(reader('print02'), two.sink);
    publish(hub, 1);
    expect([one.events, two.events]).toEqual([['hello', 'bundle'], ['hello']]);
  });

  it('go on after the last one that it heard', () => {
    const hub = eventHub(() => 0);
    const first = connection();
    const leave = hub.open(reader('print01'), first.sink);
    publish(hub, 2);
    leave();
    publish(hub, 3);
    expect(first.events).toEqual(['hello', 'bundle', 'bundle']);
    const again = connection();
    hub.open(reader('print01'), again.sink, first.lastId);
    expect(again.events).toEqual(['hello', 'bundle', 'bundle', 'bundle']);
    // And once more from the middle, as if the greeting were all that arrived.
    const third = connection();
    hub.open(reader('print01'), third.sink, `${again.lastId?.split('-')[0]}-4`);
    expect(third.events).toEqual(['hello', 'bundle']);
  });

  it.each([
    ['more came than are kept', (id: string) => id, 100],
    ['the id is of the server’s earlier life', () => '0123456789ab-1', 0],
    ['the id is nonsense', () => '../../etc', 0],
    ['the id is of the future', (id: string) => `${id.split('-')[0]}-99`, 0],
  ])('begin with a word that some may be lost, where %s', (_, idOf, more) => {
    const hub = eventHub(() => 0);
    const first = connection();
    hub.open(reader('print01'), first.sink)();
    publish(hub, more);
    const again = connection();
    hub.open(reader('print01'), again.sink, idOf(first.lastId ?? ''));
    expect(again.events).toEqual(['resync']);
  });

  it('of a former key are not for the one that took its place', () => {
    const hub = eventHub(() => 0);
    const first = connection();
    hub.open(reader('print01', 'old'), first.sink);
    publish(hub, 1);
    const second = connection();
    hub.open(reader('print01', 'new'), second.sink, `${first.lastId?.split('-')[0]}-0`);
    expect(second.events).toEqual(['resync']);
    expect(first.closed).toBe('cut');
  });

  it('go to one stream: a newer one takes the place of one that hangs', () => {
    const hub = eventHub(() => 0);
    const [one, two] = [connection(), connection()];
    const leaveOne = hub.open(reader('print01'), one.sink);
    hub.open(reader('print01'), two.sink);
    leaveOne();
    publish(hub, 1);
    expect([one.events, two.events, hub.openCount]).toEqual([['hello'], ['hello', 'bundle'], 1]);
  });

  it('are not kept for who does not read: its stream is cut', () => {
    const hub = eventHub(() => 0);
    const [slow, other] = [connection('nothing'), connection()];
    hub.open(reader('print01'), slow.sink);
    hub.open(reader('print02'), other.sink);
    for (let index = 0; index < 200; index += 1) hub.publish('print01', 'bundle', { text: 'x'.repeat(500) });
    expect([slow.closed, other.closed, hub.openCount]).toEqual(['cut', undefined, 1]);
    // The beat alone finds it out, too.
    const silent = connection('nothing');
    hub.open(reader('print03'), silent.sink);
    for (let beat = 0; beat < 15 * 30_000; beat += 1) hub.beat();
    expect(silent.closed).toBe('cut');
  });

  it('have a beat every fifteenth time, spread over the machines', () => {
    const hub = eventHub(() => 0);
    const connections = Array.from({ length: 30 }, (_, index) => {
      const each = connection();
      hub.open(reader(`print${index}`), each.sink);
      return each;
    });
    hub.beat();
    expect(connections.filter(({ beats }) => beats === 1)).toHaveLength(2);
    for (let beat = 1; beat < 15; beat += 1) hub.beat();
    expect(connections.map(({ beats }) => beats)).toEqual(connections.map(() => 1));
  });

  it('end with the news when its key counts no more', () => {
    const hub = eventHub(() => 0);
    const one = connection();
    hub.open(reader('print01'), one.sink);
    // Another key of the same node, whose news this is not.
    hub.dismiss(reader('print01', 'earlier'));
    expect([one.events, hub.openCount]).toEqual([['hello'], 1]);
    hub.dismiss(reader('print01'));
    expect([one.events, one.closed, hub.openCount]).toEqual([['hello', 'identity'], 'end', 0]);
  });

  it('are forgotten when the machine left long ago', () => {
    let nowMs = 0;
    const hub = eventHub(() => nowMs);
    hub.open(reader('print01'), connection().sink)();
    hub.open(reader('print02'), connection().sink);
    nowMs = 1000;
    hub.forgetBefore(500);
    expect(hub.known.map(({ node }) => node)).toEqual(['print02']);
  });

  it('end when the server stops, and begin no more', () => {
    const hub = eventHub(() => 0);
    const [one, late] = [connection(), connection()];
    hub.open(reader('print01'), one.sink);
    hub.close();
    hub.open(reader('print02'), late.sink);
    expect([one.closed, late.closed, late.events, hub.openCount]).toEqual(['end', 'end', [], 0]);
  });
});
