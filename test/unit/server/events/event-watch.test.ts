import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StatectlError } from '../../../../src/error.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { type EventHub, eventHub } from '../../../../src/server/events/event-hub.ts';
import { type WatchOptions, watchForEvents } from '../../../../src/server/events/event-watch.ts';
import { type MachineKeys, machineKeysIn } from '../../../fixtures/identity/machine-keys.ts';
import { memoryNodes } from '../../../fixtures/server/memory-nodes.ts';

const SECOND = 1_000;

describe('a server with machines that listen', () => {
  let nodes: ReturnType<typeof memoryNodes>;
  let enrolments: MachineKeys;
  let hub: EventHub;
  let heard: string[];
  let stop: AbortController;
  let watching: Promise<void>;
  const { clock } = memoryHost();
  const now = () => clock.now();

  beforeEach(() => {
    nodes = memoryNodes(clock);
    enrolments = machineKeysIn(nodes.open(), clock);
    hub = eventHub(now);
    heard = [];
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await watching;
    await enrolments[Symbol.asyncDispose]();
  });

  const watch = (options: Partial<WatchOptions> = {}) => {
    watching = watchForEvents({ hub, store: enrolments.store, clock, ...options }, stop.signal);
  };
  const listen = async (node: string) => {
    const digest = `key of ${node}`;
    await enrolments.approve({ digest, node, claims: { hostname: node }, remote: '', proof: 'person' });
    const sink = {
      write: (text: string) => {
        const [, event] = /^event: (\w+)$/m.exec(text) ?? [];
        if (event && event !== 'hello') heard.push(`${node} ${event}`);
        return 0;
      },
      close: () => {},
    };
    const reader = { node, digest, claims: { hostname: node } };
    hub.setContent(reader, 'old');
    return hub.open(reader, sink);
  };

  it('tells of a commit those whose content is another, within seconds', async () => {
    let revision = 'one';
    await listen('print01');
    await listen('print02');
    watch({
      revision: async () => revision,
      contentDigest: async ({ hostname }) => (revision === 'two' && hostname === 'print02' ? 'new' : 'old'),
    });
    await clock.sleep(60 * SECOND);
    expect(heard).toEqual([]);
    revision = 'two';
    await clock.sleep(4 * SECOND);
    expect(heard).toEqual(['print02 bundle']);
    await clock.sleep(60 * SECOND);
    expect(heard).toHaveLength(1);
  });

  it('tells who asked between two commits, of which the later takes the earlier back, and nobody else', async () => {
    let revision = 'one';
    const asked = new Set<string>();
    await listen('print01');
    await listen('print02');
    watch({
      revision: async () => revision,
      contentDigest: async () => 'old',
      takeAsked: () => {
        const taken = new Set(asked);
        asked.clear();
        return taken;
      },
    });
    asked.add('print01').add('print02');
    await clock.sleep(10 * SECOND);
    expect(heard).toEqual([]);
    // It asked by itself, between two looks, and got what the second commit had; the third is as the first was.
    asked.add('print01');
    revision = 'three';
    await clock.sleep(60 * SECOND);
    expect(heard).toEqual(['print01 bundle']);
  });

  it('tells at the next look whom it could not tell, and the others at once', async () => {
    let fails = 1;
    await listen('print01');
    await listen('print02');
    watch({
      revision: async () => 'two',
      contentDigest: async ({ hostname }) => {
        if (hostname === 'print01' && fails-- > 0) throw new Error('EMFILE: too many open files');
        return 'new';
      },
    });
    await clock.sleep(3 * SECOND);
    expect(heard).toEqual(['print02 bundle']);
    await clock.sleep(60 * SECOND);
    expect(heard).toEqual(['print02 bundle', 'print01 bundle']);
  });

  it('tells nothing of a commit that broke the machine’s own file, nor while there is no config.d', async () => {
    let revision = 'one';
    await listen('print01');
    watch({
      revision: async () => {
        if (revision === 'none') throw new StatectlError('config-faulty', 'never without fault');
        return revision;
      },
      contentDigest: async () => {
        throw new StatectlError('node-faulty', 'config.d has faults for this machine');
      },
    });
    for (revision of ['two', 'none', 'three']) await clock.sleep(10 * SECOND);
    expect(heard).toEqual([]);
  });

  it('looks at a large config.d more rarely, and beats all the same', async () => {
    let looks = 0;
    let beats = 0;
    await listen('print01');
    watch({
      hub: {
        ...hub,
        openCount: 1,
        beat() {
          beats += 1;
        },
      },
      revision: async () => {
        looks += 1;
        await clock.sleep(1 * SECOND);
        return 'one';
      },
    });
    await clock.sleep(600 * SECOND);
    expect(looks).toBeLessThanOrEqual(600 / 20);
    expect(looks).toBeGreaterThanOrEqual(600 / 25);
    expect(beats).toBeGreaterThan(590);
  });

  it('sends away whose key was revoked by an admin’s own process', async () => {
    await listen('print01');
    await listen('print02');
    watch();
    await clock.sleep(10 * SECOND);
    await using other = machineKeysIn(nodes.open(), clock);
    await other.decide('key of print02', 'revoked');
    await clock.sleep(3 * SECOND);
    expect(heard).toEqual(['print02 identity']);
    expect(hub.openCount).toBe(1);
  });

  it('sends nobody away who was let in while it looked whose keys count', async () => {
    let isAsked = () => {};
    const asked = new Promise<void>((resolve) => (isAsked = resolve));
    const { store } = enrolments;
    await listen('print01');
    await enrolments.approve({ digest: 'next', node: 'print01', claims: {}, remote: '', proof: 'earlier-key' });
    watch({
      store: {
        ...store,
        async enrolments(wanted) {
          const found = await store.enrolments(wanted);
          isAsked();
          // An answer that travels for a while.
          await clock.sleep(1 * SECOND);
          return found;
        },
      },
    });
    await asked;
    await listen('print02');
    // This one comes back with its next key; the one that it had does not count.
    hub.setContent({ node: 'print01', digest: 'next', claims: {} }, 'old');
    await clock.sleep(10 * SECOND);
    expect([heard, hub.openCount]).toEqual([[], 2]);
  });

  it('misses nothing that was decided while the store could not be read', async () => {
    let isBroken = false;
    const { store } = enrolments;
    const enrolmentsOf: typeof store.enrolments = async (wanted) => {
      if (isBroken) throw new StatectlError('enrolments-unusable', 'another process holds it');
      return store.enrolments(wanted);
    };
    await listen('print01');
    watch({ store: { ...store, enrolments: enrolmentsOf } });
    await clock.sleep(10 * SECOND);
    isBroken = true;
    await enrolments.decide('key of print01', 'revoked');
    await clock.sleep(60 * SECOND);
    expect(heard).toEqual([]);
    isBroken = false;
    await clock.sleep(5 * SECOND);
    expect(heard).toEqual(['print01 identity']);
  });

  it('gives an order once, to a machine that comes within the hour too', async () => {
    await listen('print01');
    watch();
    await enrolments.order(['print01', 'print02', 'print03'], { to: 'http://b.lab:8080', reason: 'x' });
    await clock.sleep(10 * SECOND);
    await listen('print02');
    await clock.sleep(10 * SECOND);
    expect(heard).toEqual(['print01 move', 'print02 move']);
    await clock.sleep(3600 * SECOND);
    await listen('print03');
    await clock.sleep(10 * SECOND);
    expect(heard).toHaveLength(2);
    expect(await enrolments.orders()).toEqual([]);
  });

  it('above its mark asks a tenth of them to go, at most once a minute and nobody twice in ten', async () => {
    for (let index = 0; index < 20; index += 1) await listen(`print${index}`);
    let load = 0.9;
    watch({ load: () => ({ accepting: true, load }) });
    await clock.sleep(60 * SECOND);
    expect(heard).toEqual([]);
    load = 1;
    await clock.sleep(4 * SECOND);
    // A moment of work is no reason.
    expect(heard).toEqual([]);
    await clock.sleep(30 * SECOND);
    expect(heard).toHaveLength(2);
    await clock.sleep(300 * SECOND);
    expect(heard.length).toBeGreaterThanOrEqual(10);
    expect(heard.length).toBeLessThanOrEqual(14);
    expect(new Set(heard).size).toBe(heard.length);
    load = 0.2;
    const before = heard.length;
    await clock.sleep(300 * SECOND);
    expect(heard).toHaveLength(before);
  });
});
