import { expect, it } from 'vitest';
import { memoryHost } from '../../../src/host/memory.ts';

const text = async (body: AsyncIterable<Uint8Array>): Promise<string> => {
  let all = '';
  for await (const chunk of body) all += Buffer.from(chunk).toString();
  return all;
};

it('keeps what was asked of it, in order', async () => {
  const host = memoryHost({ programs: { mount: () => '' }, servers: () => ({ status: 204 }) });
  await host.files.mkdir('/a');
  await host.exec.run(['/sbin/mount', '-t', 'tmpfs', 'tmpfs', '/a']);
  await host.http.request('http://server/x');
  host.console.line('warning', 'careful');
  expect(host.calls.map(({ kind }) => kind)).toEqual(['file', 'run', 'request']);
  expect(host.commands).toEqual(['/sbin/mount -t tmpfs tmpfs /a']);
  expect(host.lines).toEqual([{ level: 'warning', text: 'careful' }]);
});

it('plants files of every kind, whatever their order', async () => {
  const { files } = memoryHost({
    files: {
      '/usr/bin/tool': { data: 'elf', mode: 0o755 },
      '/bin': { target: 'usr/bin' },
      '/bin/other': 'through the link',
      '/usr': { type: 'dir', mode: 0o711, uid: 5 },
      '/dev/null': { type: 'char', rdev: { major: 1, minor: 3 } },
    },
  });
  expect(await files.list('/usr/bin')).toEqual(['other', 'tool']);
  expect(await files.stat('/usr')).toMatchObject({ type: 'dir', mode: 0o711, uid: 5 });
  expect(await files.stat('/bin/tool')).toMatchObject({ type: 'file', mode: 0o755, sizeBytes: 3 });
});

it('ends a race between tasks as real time would', async () => {
  const { clock } = memoryHost();
  const winner = await Promise.race([
    clock.sleep(1000).then(() => 'time-out'),
    (async () => {
      for (let round = 0; round < 9; round += 1) await clock.sleep(100);
      return 'task';
    })(),
  ]);
  expect(winner).toBe('task');
  expect(clock.uptimeMs()).toBe(900);
});

it('counts a slow server as stalled only when no bytes come for too long', async () => {
  const { http, clock } = memoryHost({
    servers: ({ url }) => ({ body: 'x'.repeat(5000), bytesPerSecond: url.pathname === '/slow' ? 500 : 0.01 }),
  });
  const slow = await http.request('http://server/slow', { idleTimeoutMs: 10_000 });
  expect((await text(slow.body)).length).toBe(5000);
  expect(clock.uptimeMs()).toBe(10_000);
  const stalled = await http.request('http://server/stalled', { idleTimeoutMs: 10_000 });
  await expect(text(stalled.body)).rejects.toMatchObject({ code: 'server-stalled' });
  expect(clock.uptimeMs()).toBe(20_000);
});

it('has servers by origin: others refuse at once, silent ones after the time to connect', async () => {
  const { http, clock } = memoryHost({ servers: { 'http://one:8080': () => ({}), 'http://two': () => 'silent' } });
  expect((await http.request('http://one:8080/x')).status).toBe(200);
  await expect(http.request('http://one/x')).rejects.toMatchObject({ code: 'server-unreachable' });
  expect(clock.uptimeMs()).toBe(0);
  const dead = http.request('http://two/', { connectTimeoutMs: 2000 });
  await expect(dead).rejects.toMatchObject({ code: 'server-unreachable' });
  expect(clock.uptimeMs()).toBe(2000);
});
