import { describe, expect, it } from 'vitest';
import { boot, EXIT } from '../../../src/boot/boot.ts';
import type { Server } from '../../../src/host/memory/http.ts';
import type { BootRecord } from '../../../src/machine/boot-record.ts';
import type { Facts } from '../../../src/machine/facts/facts.ts';
import { BOOT_RECORD, FACTS } from '../../../src/machine/paths.ts';
import { createBundle, createContent, createFile, type TestBundle, withBundle } from '../../fixtures/bundle.ts';
import { userDataDisk } from '../../fixtures/disks/disk.ts';
import { createImage, createServer } from '../../fixtures/image/image.ts';
import { bootHost, type Machine, type MachineOptions } from '../../fixtures/machine.ts';

const IMAGE = createImage();
const [A, B, C] = ['http://a.lab:8080', 'http://b.lab:8080', 'http://c.lab:8080'] as const;

/** A server that also says how it is, and remembers what it was asked. */
function server({ load = 0.2, accepting = true, inner = createServer(IMAGE), tookMs = 3 } = {}) {
  const asked: string[] = [];
  const answer: Server = (request) => {
    asked.push(request.url.pathname);
    if (request.url.pathname === '/v1/status') return { body: JSON.stringify({ accepting, load }), tookMs };
    return inner(request);
  };
  return { answer, asked };
}
const SERVER_INFO = 'controller/server/server.info.conf';
const dead: Server = () => 'refused';
const MEASURED = { server: { choose: 'measured' } };
const bundleWith = (sequence: number, settings: object = MEASURED): TestBundle =>
  createBundle({
    content: createContent([createFile('/etc/motd', { content: String(sequence) })], settings),
    sequence,
  });

async function booted(servers: Record<string, Server>, options: MachineOptions = {}): Promise<Machine> {
  const machine = bootHost({
    commandLine: 'quiet',
    config: { [SERVER_INFO]: `servers: [${Object.keys(servers).join(', ')}]\nchoose: measured\n` },
    images: [IMAGE],
    servers,
    ...options,
  });
  const exit = await boot(machine);
  expect({ exit, said: machine.lines.at(-1)?.text }).toMatchObject({ exit: EXIT.handOver });
  return machine;
}
const json = async <T>(machine: Machine, path: string): Promise<T> => JSON.parse(await machine.files.readText(path));
const record = (machine: Machine) => json<BootRecord>(machine, BOOT_RECORD);
const motd = ({ files }: Machine) => files.readText('/sysroot/etc/motd');

describe('a machine with several servers', () => {
  it('boots from the one that is best, and leaves the others in peace', async () => {
    const busy = server({ accepting: false, load: 1 });
    const good = server({ inner: withBundle(bundleWith(5), createServer(IMAGE)) });
    const machine = await booted({ [A]: dead, [B]: busy.answer, [C]: good.answer });
    expect(await record(machine)).toMatchObject({
      server: C,
      bundle: { server: C },
      servers: [
        { url: C, reason: 'measured: 3 ms, load 0.2' },
        { url: A, reason: 'not reachable' },
        { url: B, reason: 'takes no new boots: 3 ms, load 1' },
      ],
      warnings: expect.arrayContaining([`server ${A}: not reachable`]),
    });
    expect(busy.asked).toEqual(['/v1/status']);
    // Its network took 3 s.
    expect(machine.clock.uptimeMs()).toBeLessThan(3_500);
  });

  it('loses two seconds to silent ones, once', async () => {
    const machine = await booted({ [A]: () => 'silent', [B]: () => ({ tookMs: 1e9 }), [C]: server().answer });
    expect(machine.clock.uptimeMs()).toBeLessThan(5_500);
  });

  it('boots from one that was put last when the best dies after it was measured', async () => {
    const last = server({ accepting: false, inner: withBundle(bundleWith(5), createServer(IMAGE)) });
    const dies: Server = ({ url }) =>
      url.pathname === '/v1/status' ? { body: '{"accepting":true,"load":0}' } : 'refused';
    const machine = await booted({ [A]: last.answer, [B]: dies });
    expect(await record(machine)).toMatchObject({ server: A, servers: [{ url: B }, { url: A }] });
    expect(await motd(machine)).toBe('5');
  });

  it('goes on where it stopped when its server dies in the middle of the image, at one that takes no new boots', async () => {
    const [image, bundle] = [createServer(IMAGE, { end: 'break' }), bundleWith(5)];
    const dies: Server = (request) => {
      const answer = image(request);
      const isBlob = request.url.pathname.startsWith('/blobs/');
      if (!isBlob || !('body' in (answer as object))) return answer;
      return { body: IMAGE.root.subarray(0, 70_000), end: 'break' };
    };
    const ranges: (string | undefined)[] = [];
    const full = createServer(IMAGE);
    const busy: Server = (request) => {
      if (!request.url.pathname.startsWith('/blobs/')) return { status: 503, headers: { 'retry-after': '9' } };
      ranges.push(request.headers.range);
      return full(request);
    };
    const machine = await booted({
      [A]: server({ accepting: false, inner: busy }).answer,
      [B]: server({ inner: withBundle(bundle, dies) }).answer,
    });
    expect(ranges).toEqual(['bytes=70000-']);
    expect(await record(machine)).toMatchObject({ server: B, source: 'fetched' });
    expect(machine.clock.uptimeMs()).toBeLessThan(3_500);
  });

  it('waits for a busy one that is the only one alive, as long as it asks', async () => {
    let refused = 0;
    const inner = withBundle(bundleWith(7), createServer(IMAGE));
    const busy: Server = (request) => {
      if (request.url.pathname === '/v1/bundle' && refused++ < 2)
        return { status: 503, headers: { 'retry-after': '6' }, body: '{"detail":"it sends 64 files already"}' };
      return inner(request);
    };
    const machine = await booted({ [A]: dead, [B]: server({ inner: busy }).answer });
    expect(await motd(machine)).toBe('7');
    expect(machine.clock.uptimeMs()).toBeGreaterThan(15_000);
    const { warnings } = await record(machine);
    expect(warnings.filter((text) => text.includes('busy'))).toEqual([
      expect.stringMatching(/^http:\/\/b\.lab:8080 is busy: it sends 64 files already; try 2 of 8 in \d\.\d s$/),
      expect.stringMatching(/; try 3 of 8 in \d\.\d s$/),
    ]);
  });

  it('measures anew where its bundle names other servers', async () => {
    const settings = (servers: readonly string[]) => ({ server: { servers, choose: 'ordered' } });
    const inner = withBundle(bundleWith(5, settings([C])), createServer(IMAGE));
    const third = server();
    const config = { [SERVER_INFO]: `servers: [${A}, ${B}]\nchoose: measured\n` };
    const machine = await booted({ [A]: server({ inner }).answer, [B]: dead, [C]: third.answer }, { config });
    const facts = await json<Facts>(machine, FACTS);
    expect(facts.servers.inOrder?.map(({ url }) => url)).toEqual([C, A, B]);
    expect(await record(machine)).toMatchObject({ server: C });
  });

  it('with a copy waits no longer for silent ones than for one', async () => {
    const disks = [userDataDisk()];
    await booted({ [A]: server({ inner: withBundle(bundleWith(5), createServer(IMAGE)) }).answer }, { disks });
    const machine = await booted({ [A]: () => 'silent', [B]: () => 'silent' }, { disks });
    expect(await record(machine)).toMatchObject({ source: 'copy', configOrigin: 'cached' });
    // DHCP 3 s, network.wait 10 s with the measuring in it, one last look 2 s.
    expect(machine.clock.uptimeMs()).toBeLessThanOrEqual(15_500);
  });
});
