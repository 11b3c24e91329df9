import assert from 'node:assert/strict';
import type { ServedAnswer, ServedRequest, Server } from '../../../src/host/memory/http.ts';
import type { Sentence } from '../suite.ts';
import { bytesOf } from './bytes.ts';

const TEXT = 'the quick brown fox';

/** A file server as small as one can be: HEAD, Range, 404. */
const fileServer = ({ url, headers }: ServedRequest): ServedAnswer => {
  if (url.pathname !== '/file') return { status: 404, body: 'not here' };
  const start = /^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1];
  if (start === undefined) return { body: TEXT, headers: { ETag: '"one"' } };
  const range = `bytes ${start}-${TEXT.length - 1}/${TEXT.length}`;
  return { status: 206, body: TEXT.slice(Number(start)), headers: { 'Content-Range': range } };
};

const echo: Server = ({ method, url, headers, body }) => ({
  body: JSON.stringify({ method, path: url.pathname + url.search, auth: headers.authorization ?? '', body }),
});

export const httpSentences: readonly Sentence[] = [
  {
    title: 'http: an answer has a status, headers in lower case and a body',
    async check({ host: { http }, serve }) {
      const answer = await http.request(`${await serve(fileServer)}/file`);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.etag, '"one"');
      assert.equal(answer.headers['content-length'], String(TEXT.length));
      assert.equal((await bytesOf(answer.body)).toString(), TEXT);
    },
  },
  {
    title: 'http: HEAD has headers and no body, 404 is an answer, Range gives the rest',
    async check({ host: { http }, serve }) {
      const origin = await serve(fileServer);
      const head = await http.request(`${origin}/file`, { method: 'HEAD' });
      assert.equal(head.headers['content-length'], String(TEXT.length));
      assert.equal((await bytesOf(head.body)).length, 0);
      const missing = await http.request(`${origin}/none`);
      assert.equal(missing.status, 404);
      assert.equal((await bytesOf(missing.body)).toString(), 'not here');
      const rest = await http.request(`${origin}/file`, { headers: { Range: 'bytes=16-' } });
      assert.equal(rest.status, 206);
      assert.equal(rest.headers['content-range'], 'bytes 16-18/19');
      assert.equal((await bytesOf(rest.body)).toString(), 'fox');
    },
  },
  {
    title: 'http: a long body comes whole and in order, to a reader who keeps the server waiting too',
    async check({ host: { http, clock }, serve }) {
      const numbers = Array.from({ length: 900_000 }, (_, index) => String(index).padStart(8)).join('');
      const origin = await serve(() => ({ body: numbers }));
      const { body } = await http.request(`${origin}/long`);
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) {
        chunks.push(chunk);
        await clock.sleep(20);
      }
      // Not strictEqual: its message would hold both texts.
      assert.ok(Buffer.concat(chunks).equals(Buffer.from(numbers)));
    },
  },
  {
    title: 'http: method, path, query, body and the password of the URL reach the server',
    async check({ host: { http }, serve }) {
      const origin = await serve(echo);
      const url = `${origin.replace('//', '//me:p%40ss@')}/a%20b?x=1#y`;
      const answer = await http.request(url, { method: 'POST', body: 'payload' });
      assert.deepEqual(JSON.parse((await bytesOf(answer.body)).toString()), {
        method: 'POST',
        path: '/a%20b?x=1',
        auth: `Basic ${Buffer.from('me:p@ss').toString('base64')}`,
        body: 'payload',
      });
    },
  },
  {
    title: 'http: a redirect is followed, and what is private stays with the server it was for',
    async check({ host: { http }, serve }) {
      const other = await serve(echo);
      const origin = await serve((request) => {
        if (request.url.pathname === '/there') return { status: 307, headers: { location: `${other}/there` } };
        return request.url.pathname === '/here' ? { status: 302, headers: { location: 'end' } } : echo(request);
      });
      const ask = async (path: string) => {
        const answer = await http.request(`${origin}${path}`, { headers: { Authorization: 'secret' } });
        return JSON.parse((await bytesOf(answer.body)).toString());
      };
      assert.deepEqual(await ask('/here'), { method: 'GET', path: '/end', auth: 'secret', body: '' });
      assert.deepEqual(await ask('/there'), { method: 'GET', path: '/there', auth: '', body: '' });
    },
  },
  {
    title: 'http: a redirect to another scheme, of a POST, or in circles is not followed',
    async check({ host: { http }, serve }) {
      const secure = 'https://elsewhere.test/';
      const origin = await serve(({ url }) => ({
        status: 301,
        headers: { location: url.pathname === '/secure' ? secure : url.pathname },
      }));
      assert.equal((await http.request(`${origin}/secure`)).headers.location, secure);
      assert.equal((await http.request(`${origin}/circle`, { method: 'POST' })).status, 301);
      await assert.rejects(http.request(`${origin}/circle`), { code: 'redirect-loop' });
    },
  },
  {
    title: 'http: where nothing listens is server-unreachable, without the password of the URL',
    async check({ host: { http }, deadOrigin }) {
      const url = `${deadOrigin.replace('//', '//me:secret@')}/path`;
      await assert.rejects(http.request(url), (error: Error & { code: string }) => {
        assert.equal(error.code, 'server-unreachable');
        assert.ok(error.message.startsWith(`${deadOrigin}/path: `), error.message);
        return true;
      });
    },
  },
  {
    title: 'http: a server that goes silent, before its answer or in it, is server-stalled',
    async check({ host: { http }, serve }) {
      const origin = await serve(({ url }) =>
        url.pathname === '/late' ? { tookMs: 5000 } : { body: TEXT, end: 'stall' },
      );
      await assert.rejects(http.request(`${origin}/late`, { idleTimeoutMs: 150 }), { code: 'server-stalled' });
      const { status, body } = await http.request(`${origin}/half`, { idleTimeoutMs: 150 });
      assert.equal(status, 200);
      await assert.rejects(bytesOf(body), { code: 'server-stalled' });
    },
  },
  {
    title: 'http: a connection that ends in the middle is transfer-broken, after the bytes that came',
    async check({ host: { http }, serve }) {
      const { body } = await http.request(`${await serve(() => ({ body: TEXT, end: 'break' }))}/`);
      let text = '';
      const reading = async () => {
        for await (const chunk of body) text += Buffer.from(chunk).toString();
      };
      await assert.rejects(reading(), { code: 'transfer-broken' });
      assert.equal(text, TEXT);
    },
  },
  {
    title: "http: an abort, before the answer or in it, throws the signal's reason",
    async check({ host: { http, clock }, serve }) {
      const origin = await serve(({ url }) =>
        url.pathname === '/late' ? { tookMs: 5000 } : { body: TEXT, end: 'stall' },
      );
      const abortSoon = () => {
        const abort = new AbortController();
        void clock.sleep(100).then(() => abort.abort());
        return abort.signal;
      };
      await assert.rejects(http.request(`${origin}/late`, { signal: abortSoon() }), { name: 'AbortError' });
      const { body } = await http.request(`${origin}/half`, { signal: abortSoon() });
      await assert.rejects(bytesOf(body), { name: 'AbortError' });
      const why = new Error('enough');
      await assert.rejects(http.request(origin, { signal: AbortSignal.abort(why) }), why);
    },
  },
  {
    title: 'http: an address that is none is url-invalid, and not repeated',
    async check({ host: { http } }) {
      for (const url of ['no address', 'ftp://me:secret@server/x', 'http://me:secret@:x/', 'http://me:secret%@server/'])
        await assert.rejects(http.request(url), (error: Error & { code: string }) => {
          assert.equal(error.code, 'url-invalid');
          assert.ok(!error.message.includes('secret'));
          return true;
        });
    },
  },
];
