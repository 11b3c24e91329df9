import { beforeEach, describe, expect, it } from 'vitest';
import { answersPath, askForBundle, type BundleAnswer } from '../../../src/fetch/ask-bundle.ts';
import type { Server, Servers } from '../../../src/host/memory/http.ts';
import { type MemoryHost, memoryHost } from '../../../src/host/memory.ts';
import type { StepOf } from '../../../src/machine/steps/step.ts';
import { LARGEST_BUNDLE_BYTES } from '../../../src/signed/bundle/archive.ts';

const [A, B, C] = ['http://a.lab', 'http://b.lab', 'http://c.lab'] as const;
const TO = '/run/answers';

let host: MemoryHost;
let warned: string[];
let stop: AbortController;
beforeEach(() => {
  [warned, stop] = [[], new AbortController()];
});

/** What is left of asking these servers. */
async function ask(servers: Servers, changes: Partial<StepOf<'ask-bundle'>> = {}, files = {}) {
  host = memoryHost({ servers, files });
  const step: StepOf<'ask-bundle'> = {
    ...{ kind: 'ask-bundle', urls: [A, B], to: TO, limits: { connectMs: 2_000, stallMs: 1_000, tries: 3 } },
    ...changes,
  };
  await askForBundle(step, host, { say: () => {}, warn: (text) => warned.push(text), signal: stop.signal });
  const answers = JSON.parse(await host.files.readText(answersPath(TO))) as readonly BundleAnswer[];
  return { answers, names: (await host.files.list(TO)).toSorted() };
}
const asked = () => host.calls.flatMap((call) => (call.kind === 'request' ? [call.url.origin] : []));
const body =
  (text: string): Server =>
  () => ({ body: text });
const busy =
  (seconds: string): Server =>
  () => ({
    ...{ status: 503, headers: { 'retry-after': seconds }, body: '{"detail":"too many boots"}' },
  });
/** Says one thing after the other. */
const inTurn = (...answers: readonly Server[]): Server => {
  let at = 0;
  return (request) => (answers[Math.min(at++, answers.length - 1)] as Server)(request);
};

describe('asking for a bundle', () => {
  it('asks all at once, and leaves each answer in its place, for root alone', async () => {
    const found = await ask({ [A]: () => ({ body: 'of a', tookMs: 500 }), [B]: body('of b') });
    expect(found).toEqual({
      answers: [A, B].map((url) => ({ url, status: 200, detail: '' })),
      names: ['0.tar.zst', '1.tar.zst', 'answers.json'],
    });
    expect([await host.files.readText(`${TO}/0.tar.zst`), await host.files.readText(`${TO}/1.tar.zst`)]).toEqual([
      ...['of a', 'of b'],
    ]);
    expect((await host.files.stat(`${TO}/0.tar.zst`))?.mode).toBe(0o600);
    expect((await host.files.stat(TO))?.mode).toBe(0o700);
    expect([host.clock.uptimeMs(), warned]).toEqual([500, []]);
  });

  it('says what it has, which is not sent again', async () => {
    const server: Server = ({ headers }) => ({ status: headers['if-none-match'] === '"abc"' ? 304 : 200, body: 'x' });
    const { answers, names } = await ask({ [A]: server, [B]: server }, { known: 'abc' });
    expect(answers).toMatchObject([{ status: 304 }, { status: 304 }]);
    expect(names).toEqual(['answers.json']);
    await ask({ [A]: server }, { urls: [A] });
    expect(host.calls.find(({ kind }) => kind === 'request')).toMatchObject({ request: { headers: {} } });
  });

  it('leaves nothing of an earlier answer', async () => {
    const { names } = await ask({ [A]: body('x') }, { urls: [A] }, { [`${TO}/7.tar.zst`]: 'old' });
    expect(names).toEqual(['0.tar.zst', 'answers.json']);
  });

  it('tells what a server said that has none, in its own words, and asks it no more', async () => {
    const no: Server = () => ({ status: 404, body: '{"title":"no such machine"}' });
    const { answers, names } = await ask({ [A]: no, [B]: () => ({ status: 500, body: 'oops' }) });
    expect(answers).toEqual([
      { url: A, status: 404, detail: ': no such machine' },
      { url: B, status: 500, detail: '' },
    ]);
    expect([names, asked()]).toEqual([['answers.json'], [A, B]]);
  });

  it('takes no more than a bundle may have, and asks no more for what is larger', async () => {
    const sends =
      (size: number): Server =>
      () => ({ body: Buffer.alloc(size) });
    const { answers, names } = await ask({ [A]: sends(LARGEST_BUNDLE_BYTES), [B]: sends(LARGEST_BUNDLE_BYTES + 1) });
    expect(answers).toEqual([
      { url: A, status: 200, detail: '' },
      { url: B, status: 413, detail: ': it sends more than the 16777216 bytes of such an answer' },
    ]);
    expect([names, asked()]).toEqual([
      ['0.tar.zst', 'answers.json'],
      [A, B],
    ]);
  });
});

describe('servers that say nothing of use', () => {
  it('are asked again, and what each failed with is told', async () => {
    const { answers } = await ask({ [A]: () => 'refused', [B]: inTurn(() => 'silent', body('of b')) });
    expect(answers).toMatchObject([
      { url: A, failure: expect.stringContaining('a.lab') },
      { url: B, status: 200 },
    ]);
    expect(asked()).toEqual([A, B, A, B]);
    expect(warned).toEqual([expect.stringMatching(/a\.lab.*; try 2 of 3 in \d\.\d s$/)]);
  });

  it('are told of after the last try, which is no error of this machine’s', async () => {
    const { answers } = await ask({ [A]: () => 'refused', [B]: () => ({ end: 'break', body: 'x' }) });
    expect(answers).toEqual([A, B].map((url) => ({ url, failure: expect.any(String) })));
    expect([asked().length, warned.length]).toEqual([6, 2]);
  });

  it('give way to those that are kept for last, and those alone are asked where the first say nothing', async () => {
    const servers: Servers = { [A]: body('of a'), [B]: () => 'refused', [C]: body('of c') };
    const last = await ask(servers, { urls: [B], lastUrls: [C] });
    expect(last.answers).toMatchObject([
      { url: B, failure: expect.any(String) },
      { url: C, status: 200 },
    ]);
    expect([last.names, asked()]).toEqual([
      ['1.tar.zst', 'answers.json'],
      [B, C],
    ]);
    const first = await ask(servers, { urls: [A], lastUrls: [C] });
    expect([first.answers, asked()]).toEqual([[{ url: A, status: 200, detail: '' }], [A]]);
  });

  it('are told of no more once a better one answers', async () => {
    const servers: Servers = { [A]: inTurn(() => 'refused', body('of a')), [C]: () => 'refused' };
    expect((await ask(servers, { urls: [A], lastUrls: [C] })).answers).toEqual([{ url: A, status: 200, detail: '' }]);
    expect(asked()).toEqual([A, C, A]);
  });

  it('and only ask to come back are waited for as long as they say', async () => {
    const { answers } = await ask({ [A]: inTurn(busy('7'), body('of a')), [B]: () => 'refused' });
    expect(answers).toMatchObject([
      { url: A, status: 200 },
      { url: B, failure: expect.any(String) },
    ]);
    expect(warned).toEqual([expect.stringMatching(/^http:\/\/a\.lab is busy: too many boots; try 2 of 3 in 7\.\d s$/)]);
    expect(host.clock.uptimeMs()).toBeGreaterThanOrEqual(7_000);
    expect(host.clock.uptimeMs()).toBeLessThan(8_000);
  });

  it('and stay busy are told of as that', async () => {
    const { answers } = await ask({ [A]: busy('1') }, { urls: [A] });
    expect(answers).toEqual([{ url: A, status: 503, detail: ': too many boots', retryAfterMs: 1_000 }]);
  });

  it('are waited for no longer than the step says, also in the midst of an answer', async () => {
    const slow: Server = () => ({ body: 'x'.repeat(10_000), bytesPerSecond: 100 });
    const { answers } = await ask({ [A]: slow, [B]: () => 'refused' }, { seconds: 5 });
    expect(answers).toEqual([
      { url: A, failure: `${A} did not answer in time` },
      { url: B, failure: expect.stringContaining('b.lab') },
    ]);
    expect(host.clock.uptimeMs()).toBe(5_000);
  });

  it('are waited for no longer than a connection and a silence may last', async () => {
    await ask(
      { [A]: () => 'silent', [B]: () => ({ end: 'stall', body: 'x' }) },
      { urls: [A], limits: { connectMs: 300, stallMs: 100, tries: 1 } },
    );
    expect(host.clock.uptimeMs()).toBe(300);
    await ask(
      { [B]: () => ({ end: 'stall', body: 'x' }) },
      { urls: [B], limits: { connectMs: 300, stallMs: 100, tries: 1 } },
    );
    expect(host.clock.uptimeMs()).toBe(100);
  });

  it('are asked no more when the boot goes on without', async () => {
    const why = new Error('the boot goes on');
    const server: Server = () => {
      stop.abort(why);
      return 'refused';
    };
    await expect(ask({ [A]: server }, { urls: [A] })).rejects.toBe(why);
    expect(asked()).toEqual([A]);
  });

  it('are no reason to hide that this machine’s own disk is full', async () => {
    const full = memoryHost({ servers: { [A]: body('x'.repeat(1_000)) }, capacityBytes: 10 });
    const step = { kind: 'ask-bundle', urls: [A], to: TO, limits: { connectMs: 1, stallMs: 1, tries: 3 } } as const;
    const boot = { say: () => {}, warn: () => {}, signal: stop.signal };
    await expect(askForBundle(step, full, boot)).rejects.toMatchObject({ code: 'ENOSPC' });
  });
});
