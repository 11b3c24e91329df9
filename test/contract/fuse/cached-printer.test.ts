import { mkdir, readdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canMountFuse } from '../../fixtures/state/cache-mount.ts';
import { cachedPrinter } from '../../fixtures/state/cached-printer.ts';

/** Server, agent and who asks are one process. */
const SELDOM = { interval: 500 };
const MIB = 1 << 20;
const gcode = (letter: string, bytes = MIB): string => `${letter} X1 Y1\n`.repeat(bytes / 8);
const FILES = { 'a.gcode': gcode('a'), 'sub/b.gcode': gcode('b'), 'c.gcode': gcode('c') };

describe.runIf(canMountFuse)('a printer whose gcode is a cache', () => {
  it('has every name at once, and what is opened when it is opened, as far as the limit goes', async () => {
    await using printer = await cachedPrinter(FILES, 1.5 * MIB);
    const { cache } = printer;
    const here = async () =>
      (await readdir(cache.files, { recursive: true })).filter((name) => name.endsWith('gcode')).length;
    expect(await readdir(cache.place, { recursive: true })).toEqual(['a.gcode', 'c.gcode', 'sub', 'sub/b.gcode']);
    expect(await here()).toBe(1);
    for (const [name, content] of Object.entries(FILES)) {
      expect((await stat(`${cache.place}/${name}`)).size).toBe(MIB);
      expect(await readFile(`${cache.place}/${name}`, 'utf8')).toBe(content);
    }
    expect(await here()).toBe(1);
    await expect.poll(() => printer.told.at(-1)?.why).toBe('brought when they are opened (limit): 2 of the line');
    expect(printer.told.at(-1)?.state).toBe('in-step');
  });

  it('sends what is uploaded, moved and deleted, also of what was never here', async () => {
    await using printer = await cachedPrinter(FILES, 1.5 * MIB);
    const { cache, line } = printer;
    const names = async () => ((await line.list()).json.files as { path: string }[]).map(({ path }) => path).toSorted();
    await printer.agentDies();
    await writeFile(`${cache.place}/new.gcode`, 'G28\n');
    await rename(`${cache.place}/new.gcode`, `${cache.place}/sub/new.gcode`);
    for (const name of ['a.gcode', 'c.gcode']) await unlink(`${cache.place}/${name}`);
    expect(await readdir(cache.place, { recursive: true })).toEqual(['sub', 'sub/b.gcode', 'sub/new.gcode']);
    await cache.kill();
    await printer.agentBegins();
    await expect.poll(names, SELDOM).toEqual(['sub/b.gcode', 'sub/new.gcode']);
    await expect.poll(() => readdir(`${cache.files}/.statectl-cache/gone`)).toEqual([]);
    expect(await readdir(cache.place, { recursive: true })).toEqual(['sub', 'sub/b.gcode', 'sub/new.gcode']);
    await rm(`${cache.place}/sub`, { recursive: true });
    await expect.poll(names, SELDOM).toEqual([]);
  });

  it('shows what others bring to the line, and what they take from it', async () => {
    await using printer = await cachedPrinter({ 'a.gcode': 'G28\n' }, MIB);
    const { cache, line } = printer;
    expect(await readFile(`${cache.place}/a.gcode`, 'utf8')).toBe('G28\n');
    await line.ship({ 'b.gcode': 'M104\n' });
    // Somebody writes: what the line has is looked at, too.
    await writeFile(`${cache.place}/c.gcode`, 'G1\n');
    await expect.poll(() => readdir(cache.place)).toEqual(['a.gcode', 'b.gcode', 'c.gcode']);
    expect(await readFile(`${cache.place}/b.gcode`, 'utf8')).toBe('M104\n');
  });

  it('tells Moonraker of each file that comes, which no file system does', async () => {
    await using printer = await cachedPrinter({ 'a.gcode': 'G28\n' }, MIB);
    const { cache, line } = printer;
    const heard: string[] = [];
    await mkdir(join(dirname(cache.place), 'comms'));
    await using moonraker = createServer((socket) => {
      socket.on('data', (bytes) => {
        const { id, method, params } = JSON.parse(bytes.toString().replace('\x03', ''));
        if (method === 'server.files.metascan') heard.push(params.filename);
        socket.end(`${JSON.stringify({ jsonrpc: '2.0', id, result: {} })}\x03`);
      });
    });
    moonraker.listen(join(dirname(cache.place), 'comms/moonraker.sock'));
    await line.ship({ 'sub/b.gcode': 'M104\n', 'b.png': 'png' });
    await writeFile(`${cache.place}/c.gcode`, 'G1\n');
    await expect.poll(() => heard).toEqual(['sub/b.gcode']);
  });

  it('has what is opened at its own pace while it prints, and before all else', async () => {
    const files = Object.fromEntries(['a', 'b', 'c'].map((name) => [`${name}.gcode`, gcode(name, 8 * MIB)]));
    await using printer = await cachedPrinter(files, 17 * MIB);
    printer.how.isPrinting = true;
    const { cache } = printer;
    const here = await readdir(cache.files);
    const [away = ''] = Object.keys(files).filter((name) => !here.includes(name));
    // Read at the pace of a print it takes four seconds.
    await writeFile(`${cache.place}/upload.gcode`, gcode('u', 8 * MIB));
    const beganMs = performance.now();
    expect((await readFile(`${cache.place}/${away}`)).length).toBe(8 * MIB);
    expect(performance.now() - beganMs).toBeLessThan(4_000);
  });

  it('fails an open at once without a server or an agent, and reads what is here', async () => {
    await using printer = await cachedPrinter(FILES, 1.5 * MIB);
    const { cache } = printer;
    printer.how.isAway = true;
    const [here = ''] = (await readdir(cache.files)).filter((name) => Object.hasOwn(FILES, name));
    const away = here === 'a.gcode' ? 'c.gcode' : 'a.gcode';
    await expect(readFile(`${cache.place}/${away}`)).rejects.toMatchObject({ code: 'EHOSTUNREACH' });
    await printer.agentDies();
    await cache.kill();
    await expect.poll(() => readFile(`${cache.place}/${here}`, 'utf8')).toBe(gcode(here[0] ?? ''));
    printer.how.isAway = false;
    await printer.agentBegins();
    await expect.poll(() => readFile(`${cache.place}/${away}`, 'utf8').catch(() => '')).toBe(gcode(away[0] ?? ''));
  });
});
