import { describe, expect, it } from 'vitest';
import { fetchVerified } from '../../../src/fetch/download.ts';
import { verifyFile } from '../../../src/fetch/verify-file.ts';
import type { Host } from '../../../src/host/host.ts';
import type { ServedAnswer, ServedRequest, Server } from '../../../src/host/memory/http.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { systemError } from '../../../src/host/system-error.ts';
import { digestOf, fileAnswer } from '../../fixtures/image/image.ts';

const SIZE = 400_000;
const FILE = Buffer.from(Array.from({ length: SIZE }, (_, at) => (at * 31 + (at >> 8)) % 256));
const DOWNLOAD = { to: '/d/root', sha256: digestOf(FILE), sizeBytes: SIZE };
const [A, B, C] = ['http://a/root', 'http://b/root', 'http://c/root'] as const;

interface World {
  readonly servers: Readonly<Record<string, Server>>;
  /** What an earlier boot left. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly capacityBytes?: number;
  readonly signal?: AbortSignal;
}

/** Downloads from the servers, in their order, on a machine of its own. */
function download({ servers, files = {}, capacityBytes, signal = new AbortController().signal }: World) {
  const said: string[] = [];
  const warned: string[] = [];
  const ranges: string[] = [];
  const counted = Object.entries(servers).map(([url, server]): [string, Server] => [
    new URL(url).origin,
    (request) => {
      ranges.push(`${new URL(url).host} ${request.headers.range ?? 'all'}`);
      return server(request);
    },
  ]);
  const host = memoryHost({
    files: { '/d': { type: 'dir' }, ...files },
    servers: Object.fromEntries(counted),
    ...(capacityBytes !== undefined && { capacityBytes }),
  });
  const report = {
    say: (text: string) => void said.push(text),
    warn: (text: string) => void warned.push(text),
    signal,
  };
  const run = (on: Host = host) => fetchVerified(on, { ...DOWNLOAD, urls: Object.keys(servers) }, report);
  return { host, said, warned, ranges, run, left: () => host.files.list('/d') };
}

const sends =
  (how: Partial<ServedAnswer> = {}, bytes = FILE): Server =>
  ({ headers }: ServedRequest) =>
    fileAnswer(bytes, headers, how);
/** Sends so many bytes of what was asked for, then the connection breaks or goes silent. */
const sendsOnly =
  (count: number, end: 'break' | 'stall' = 'break'): Server =>
  ({ headers }) => {
    const answer = fileAnswer(FILE, headers);
    return { ...answer, body: Buffer.from(answer.body ?? '').subarray(0, count), end };
  };
/** The first answers in this order, the last for ever. */
function inTurn(...servers: readonly Server[]): Server {
  let turn = 0;
  return (request) => servers[Math.min(turn++, servers.length - 1)]!(request);
}
const status =
  (code: number): Server =>
  () => ({ status: code });
const WRONG = Buffer.from(FILE).fill(0, 500, 600);

describe('a file', () => {
  it('comes whole, and is there under its name only when its digest is right', async () => {
    const { run, host, left, said, warned } = download({ servers: { [A]: sends() } });
    await run();
    expect(await left()).toEqual(['root']);
    expect(await host.files.read('/d/root')).toEqual(FILE);
    expect(said).toEqual([expect.stringMatching(/^0\.4 MiB in 0\.0 s, .* MiB\/s, SHA-256 as signed$/)]);
    expect(warned).toEqual([]);
  });

  it('that is there already is hashed, not fetched', async () => {
    const { run, ranges, said } = download({ servers: { [A]: sends() }, files: { '/d/root': FILE } });
    await run();
    expect(ranges).toEqual([]);
    expect(said).toEqual(['/d/root is there already, SHA-256 as signed']);
  });

  it('that is there but damaged is fetched anew', async () => {
    const { run, host, ranges } = download({
      servers: { [A]: sends() },
      files: { '/d/root': WRONG },
      capacityBytes: SIZE,
    });
    await run();
    expect(ranges).toEqual(['a all']);
    expect(await host.files.read('/d/root')).toEqual(FILE);
  });

  it('that takes long shows how far it is and how long it will take', async () => {
    const { run, said, host } = download({ servers: { [A]: sends({ bytesPerSecond: 40_000 }) } });
    await run();
    expect(said.slice(0, 2)).toEqual(['0.1 of 0.4 MiB, 8 s left', '0.2 of 0.4 MiB, 6 s left']);
    expect(said.at(-1)).toBe('0.4 MiB in 10.0 s, 0.0 MiB/s, SHA-256 as signed');
    expect(host.clock.uptimeMs()).toBeCloseTo(10_000);
  });
});

describe('a transfer that breaks', () => {
  it('goes on where it stopped', async () => {
    const { run, host, ranges, warned } = download({
      servers: { [A]: inTurn(sendsOnly(120_000), sendsOnly(160_000), sends()) },
    });
    await run();
    expect(ranges).toEqual(['a all', 'a bytes=120000-', 'a bytes=280000-']);
    expect(warned).toEqual([
      expect.stringMatching(/going on from byte 120000$/),
      expect.stringMatching(/going on from byte 280000$/),
    ]);
    expect(await host.files.read('/d/root')).toEqual(FILE);
    expect(host.clock.uptimeMs()).toBe(0);
  });

  it('goes on at the next server', async () => {
    const { run, ranges } = download({ servers: { [A]: sendsOnly(120_000), [B]: sends() } });
    await run();
    expect(ranges).toEqual(['a all', 'b bytes=120000-']);
  });

  it('goes on after a reboot', async () => {
    const first = download({ servers: { [A]: inTurn(sendsOnly(120_000), () => 'refused') } });
    await expect(first.run()).rejects.toMatchObject({ code: 'download-failed' });
    const second = download({
      servers: { [A]: sends() },
      files: { '/d/root.part': await first.host.files.read('/d/root.part') },
    });
    await second.run();
    expect(second.ranges).toEqual(['a bytes=120000-']);
    expect(await second.left()).toEqual(['root']);
  });

  it('is noticed by its silence', async () => {
    const { run, host, ranges, warned } = download({ servers: { [A]: sendsOnly(120_000, 'stall'), [B]: sends() } });
    await run();
    expect(ranges).toEqual(['a all', 'b bytes=120000-']);
    expect(host.clock.uptimeMs()).toBe(10_000);
    expect(warned[0]).toContain('stopped sending');
  });

  it('without a word that it is short is noticed by its length', async () => {
    const { run, ranges, warned } = download({ servers: { [A]: inTurn(sends({}, FILE.subarray(0, 500)), sends()) } });
    await run();
    expect(ranges).toEqual(['a all', 'a bytes=500-']);
    expect(warned[0]).toContain('ended after 500 of 400000 bytes');
  });

  it.each([
    ['ignores Range and sends all again', sends({}, FILE)],
    [
      'answers from an earlier byte',
      () => ({ status: 206, headers: { 'content-range': `bytes 80000-399999/${SIZE}` }, body: FILE.subarray(80_000) }),
    ],
  ])('is whole all the same when the server %s', async (_title, second) => {
    const ignoresRange: Server = (request) => second({ ...request, headers: {} });
    const { run, host } = download({ servers: { [A]: inTurn(sendsOnly(120_000), ignoresRange) } });
    await run();
    expect(await host.files.read('/d/root')).toEqual(FILE);
  });

  it('does not go on with a server that skips bytes', async () => {
    const skips: Server = () => ({
      status: 206,
      headers: { 'content-range': `bytes 200000-399999/${SIZE}` },
      body: FILE.subarray(200_000),
    });
    const { run, host, warned } = download({ servers: { [A]: inTurn(sendsOnly(120_000), skips, sends()) } });
    await run();
    expect(warned[1]).toContain('skipped bytes');
    expect(await host.files.read('/d/root')).toEqual(FILE);
  });
});

describe('a server that has nothing', () => {
  it.each([404, 500, 503])('but %i is asked a bounded number of times, and each is counted', async (code) => {
    const { run, ranges, warned, host } = download({ servers: { [A]: status(code) } });
    await expect(run()).rejects.toMatchObject({
      code: 'download-failed',
      message: `${A} answered ${code} (8 tries in a row)`,
      hint: expect.stringContaining('image list'),
    });
    expect(ranges).toHaveLength(8);
    expect(warned.map((text) => /try \d of \d/.exec(text)?.[0])).toEqual(
      [2, 3, 4, 5, 6, 7, 8].map((attempt) => `try ${attempt} of 8`),
    );
    expect(host.clock.uptimeMs()).toBeGreaterThan(2_000);
    expect(host.clock.uptimeMs()).toBeLessThan(180_000);
  });

  it('does not keep the others from being asked', async () => {
    const { run, ranges, host } = download({ servers: { [A]: status(404), [B]: () => 'refused', [C]: sends() } });
    await run();
    expect(ranges).toEqual(['a all', 'b all', 'c all']);
    expect(await host.files.read('/d/root')).toEqual(FILE);
  });

  it('begins the count anew with every byte that it sends', async () => {
    const grudging = inTurn(
      ...Array.from({ length: 40 }, (_, turn) => (turn % 5 === 4 ? sendsOnly(80_000) : status(503))),
    );
    const { run, host } = download({ servers: { [A]: grudging } });
    await run();
    expect(await host.files.read('/d/root')).toEqual(FILE);
  });

  it('that lets go after a few bytes each time is given up as well', async () => {
    const { run, ranges } = download({ servers: { [A]: sendsOnly(100) } });
    await expect(run()).rejects.toMatchObject({ code: 'download-failed' });
    expect(ranges).toHaveLength(8);
  });

  it('is not waited for when the boot is told to stop', async () => {
    const abort = new AbortController();
    const { run, host, ranges } = download({ servers: { [A]: status(503) }, signal: abort.signal });
    void host.clock.sleep(5).then(() => abort.abort(new Error('shutting down')));
    await expect(run()).rejects.toThrow('shutting down');
    expect(ranges).toHaveLength(1);
  });
});

describe('a server that is busy', () => {
  const busy =
    (seconds: number): Server =>
    () => ({ status: 503, headers: { 'retry-after': String(seconds) } });

  it('costs no time where another has the file', async () => {
    const { run, host, ranges, warned } = download({ servers: { [A]: busy(60), [B]: sends() } });
    await run();
    expect(ranges).toEqual(['a all', 'b all']);
    expect(warned).toEqual([`${A} is busy: it asks to come back in 60 s; asking the next server at once`]);
    expect(host.clock.uptimeMs()).toBe(0);
  });

  it('is asked again when it wants to be, and each time is counted', async () => {
    const { run, host, warned } = download({ servers: { [A]: inTurn(busy(7), busy(7), sends()) } });
    await run();
    expect(warned.map((text) => /try \d of \d/.exec(text)?.[0])).toEqual(['try 2 of 8', 'try 3 of 8']);
    expect(host.clock.uptimeMs()).toBeGreaterThanOrEqual(14_000);
    expect(host.clock.uptimeMs()).toBeLessThan(17_000);
  });

  it('is waited for where the others are busy or dead, as long as the first to be free says', async () => {
    const { run, host, ranges } = download({
      servers: { [A]: inTurn(busy(9), sends()), [B]: busy(4), [C]: () => 'refused' },
    });
    await run();
    expect(ranges).toEqual(['a all', 'b all', 'c all', 'a all']);
    expect(host.clock.uptimeMs()).toBeGreaterThanOrEqual(4_000);
    expect(host.clock.uptimeMs()).toBeLessThan(5_000);
  });

  it('in the middle of a download hands it over, from where it stopped', async () => {
    const { run, host, ranges } = download({
      servers: { [A]: sendsOnly(120_000), [B]: busy(30), [C]: sends() },
    });
    await run();
    expect(ranges).toEqual(['a all', 'b bytes=120000-', 'c bytes=120000-']);
    expect(await host.files.read('/d/root')).toEqual(FILE);
    expect(host.clock.uptimeMs()).toBe(0);
  });

  it('for ever is given up as every other', async () => {
    const { run, ranges } = download({ servers: { [A]: busy(1), [B]: busy(1) } });
    await expect(run()).rejects.toMatchObject({ code: 'download-failed', message: expect.stringContaining('is busy') });
    expect(ranges).toHaveLength(32);
  });
});

describe('bytes that are not those of the signed manifest', () => {
  it('are removed, and nothing is left to mount', async () => {
    const { run, left, ranges } = download({ servers: { [A]: sends({}, WRONG) } });
    await expect(run()).rejects.toMatchObject({
      code: 'download-wrong',
      hint: expect.stringContaining('nothing was mounted'),
    });
    expect([await left(), ranges]).toEqual([[], ['a all']]);
  });

  it('are refused as soon as they are too many', async () => {
    const { run, left } = download({ servers: { [A]: sends({}, Buffer.concat([FILE, FILE])) } });
    await expect(run()).rejects.toMatchObject({
      code: 'download-wrong',
      message: expect.stringContaining('more than the 400000 bytes'),
    });
    expect(await left()).toEqual([]);
  });

  it('from one server do not keep another from sending the right ones', async () => {
    const { run, host, ranges, warned } = download({ servers: { [A]: sends({}, WRONG), [B]: sends() } });
    await run();
    expect(ranges).toEqual(['a all', 'b all']);
    expect(warned).toEqual([expect.stringMatching(/; fetching it anew$/)]);
    expect(await host.files.read('/d/root')).toEqual(FILE);
  });

  it('that a power cut left are fetched anew: interrupted is not tampered with', async () => {
    const { run, host, ranges } = download({
      servers: { [A]: sends() },
      files: { '/d/root.part': Buffer.alloc(120_000) },
    });
    await run();
    expect(ranges).toEqual(['a bytes=120000-', 'a all']);
    expect(await host.files.read('/d/root')).toEqual(FILE);
  });

  it.each([
    ['longer than the file', Buffer.alloc(SIZE + 1)],
    ['as long as the file, and wrong', Buffer.alloc(SIZE)],
  ])('in what an earlier boot left are noticed when that is %s', async (_title, part) => {
    const { run, host, ranges } = download({ servers: { [A]: sends() }, files: { '/d/root.part': part } });
    await run();
    expect(ranges).toEqual(['a all']);
    expect(await host.files.read('/d/root')).toEqual(FILE);
  });

  it('are fetched no more often than there are servers', async () => {
    const { run, ranges } = download({
      servers: { [A]: sends({}, WRONG), [B]: sends({}, WRONG), [C]: sends({}, WRONG) },
      files: { '/d/root.part': FILE.subarray(0, 10) },
    });
    await expect(run()).rejects.toMatchObject({ code: 'download-wrong' });
    expect(ranges).toEqual(['a bytes=10-', 'a all', 'b all', 'c all']);
  });
});

describe('a disk', () => {
  it('that is full is said to be, at once, and gets its room back', async () => {
    const { run, left, ranges } = download({ servers: { [A]: sends() }, capacityBytes: 200_000 });
    await expect(run()).rejects.toMatchObject({
      code: 'disk-full',
      message: expect.stringContaining('400000 bytes'),
      hint: expect.any(String),
    });
    expect(ranges).toHaveLength(1);
    expect(await left()).toEqual([]);
  });

  it('that fails is not asked again, and none of its bytes count', async () => {
    const { host, run, left, ranges } = download({ servers: { [A]: sends() } });
    const broken: Host = {
      ...host,
      files: {
        ...host.files,
        async appendStream(path) {
          const stream = await host.files.appendStream(path);
          let writes = 0;
          const write = async (chunk: Uint8Array) => {
            writes += 1;
            // Half of it gets there.
            await stream.write(writes < 3 ? chunk : chunk.subarray(0, 100));
            if (writes === 3) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
          };
          return { ...stream, write };
        },
      },
    };
    await expect(run(broken)).rejects.toMatchObject({ code: 'disk-failed', message: expect.stringContaining('EIO') });
    expect(ranges).toHaveLength(1);
    expect(await left()).toEqual([]);
  });
});

describe('verifyFile', () => {
  const verify = (content: string | undefined, expected = 'content') =>
    verifyFile(memoryHost({ files: content === undefined ? {} : { '/f': content } }), {
      path: '/f',
      sha256: digestOf(expected),
      sizeBytes: expected.length,
    });

  it('accepts the bytes that were signed', async () => {
    await expect(verify('content')).resolves.toBeUndefined();
  });

  it('refuses what the disk does not give (F8): another system may be whole', async () => {
    const { files } = memoryHost({ files: { '/f': 'content' } });
    const failing: typeof files = {
      ...files,
      // biome-ignore lint/correctness/useYield: it fails before the first chunk
      async *readStream(path) {
        throw systemError('EIO', 'read', path);
      },
    };
    const about = { path: '/f', sha256: digestOf('content'), sizeBytes: 7 };
    await expect(verifyFile({ files: failing }, about)).rejects.toMatchObject({
      code: 'image-altered',
      message: expect.stringContaining('/f cannot be read: EIO'),
    });
  });

  it.each([
    [undefined, 'is missing'],
    ['conten', 'has 6 bytes, the signed manifest says 7'],
    ['Content', /^\/f has SHA-256 \w{64}, the signed manifest says \w{64}$/],
  ])('refuses %s', async (content, message) => {
    await expect(verify(content)).rejects.toMatchObject({
      code: 'image-altered',
      message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
    });
  });
});
