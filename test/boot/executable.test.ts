import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { DEMO } from '../../build/demo.ts';

interface Line {
  readonly event?: string;
  readonly url?: string;
  readonly state?: string;
  readonly files?: readonly string[];
  readonly faults?: readonly string[];
}

const NODE = 'nodes/print01.conf';

/** Each counts until it has no more steps. */
const SLOW = Array.from({ length: 4 }, (_, at) => [
  `templates/t${at}`,
  `---\npath: /etc/t${at}\n---\n{% for a in (1..999) %}{% for b in (1..999) %}{% assign x = b %}{% endfor %}{% endfor %}`,
]) as readonly (readonly [string, string])[];

test('the executable takes edits of config.d up, tells faults, and answers while it checks', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'statectl-executable-'));
  const config = join(dir, 'config.d');
  await cp('config.d', config, { recursive: true });
  const put = (name: string, text: string) => writeFile(join(config, name), text);
  await cp(`${DEMO.state}/keys`, join(dir, 'state/keys'), { recursive: true });
  const loopback = '127.0.0.1:0';
  const server = execa(
    DEMO.binary,
    [
      'serve',
      '--json',
      '--state',
      join(dir, 'state'),
      '--config',
      config,
      '--listen',
      loopback,
      '--tls-listen',
      loopback,
    ],
    { stdin: 'ignore', reject: false },
  );
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  /** The next line of that event, which is of this file. */
  const told = async (event: string, file?: string): Promise<Line> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`the server ended: ${(await server).stderr}`);
      const line = JSON.parse(value) as Line;
      if (line.event === event && (file === undefined || line.files?.includes(file))) return line;
    }
  };
  const { url } = await told('listening');
  /** Asking makes it look; the longest that an answer took meanwhile. */
  const settled = async (): Promise<Line & { readonly tookMs: number; readonly longestMs: number }> => {
    let [isOver, longestMs] = [false, 0];
    const startMs = performance.now();
    const line = told('settings', NODE).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      const askedMs = performance.now();
      for (const path of ['/healthz', '/v1/status']) expect((await fetch(`${url}${path}`)).status).toBe(200);
      longestMs = Math.max(longestMs, performance.now() - askedMs);
    }
    return { ...(await line), tookMs: performance.now() - startMs, longestMs };
  };
  try {
    await put(NODE, 'metadata: { room: A }\n');
    expect(await settled()).toMatchObject({ state: 'served', faults: [] });
    await put(NODE, 'metadata: { room: B }\n');
    expect(await settled()).toMatchObject({ state: 'served', files: [NODE] });
    await put(NODE, 'metadata: { room: A }\nset: { tmpfs: { /a: { sise: 1M } } }\n');
    expect(await settled()).toMatchObject({
      state: 'faulty',
      faults: [expect.stringContaining('nodes/print01.conf:2:23 unknown key "sise": did you mean "size"?')],
    });
    for (const [name, text] of SLOW) await put(name, text);
    await put(NODE, 'set: { etc: { templates: ["t*"] } }\n');
    const slow = await settled();
    expect(slow).toMatchObject({
      state: 'faulty',
      faults: expect.arrayContaining([expect.stringContaining('templates/t3:4:')]),
    });
    expect(slow.longestMs).toBeLessThan(slow.tookMs / 2);
    await put(NODE, 'metadata: { room: C }\n');
    expect(await settled()).toMatchObject({ state: 'served', faults: [] });
  } finally {
    server.kill();
    await server;
    await rm(dir, { recursive: true });
  }
});
