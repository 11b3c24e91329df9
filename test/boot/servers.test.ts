import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BootRecord } from '../../src/machine/boot-record.ts';
import { bootMachine, type Machine } from './lab/machine.ts';
import { PATHS, type ServedImages, serveImages } from './lab/serve-images.ts';

/** Silent servers cost two seconds together; the rest is what an emulated machine takes for the phase. */
const BUNDLE_PHASE_MS = 6_000;
const BROKEN_AFTER_BYTES = 300_000;

/** Nothing listens there. */
async function deadUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return `http://10.0.2.2:${port}`;
}

describe('a machine with several servers', () => {
  let dead: string;
  let hanging: ServedImages;
  let good: ServedImages;

  beforeAll(async () => {
    [dead, hanging, good] = await Promise.all([deadUrl(), serveImages('tiny'), serveImages('tiny')]);
  });
  afterAll(async () => {
    for (const each of [hanging, good]) await each[Symbol.asyncDispose]();
  });

  const boot = (urls: readonly string[], cmdline = ''): Promise<Machine> =>
    bootMachine({ server: { guestUrl: urls.join(',') }, memoryMiB: 512, cmdline });
  const recordOf = async (vm: Machine) => JSON.parse(await vm.read('/run/statectl/boot.json')) as BootRecord;
  const blobsOf = ({ log }: ServedImages) => log.filter(({ path }) => PATHS.blob.test(path));

  test('boots from the one that answers, and loses no more than two seconds to the others', async () => {
    hanging.fault(PATHS.any, { kind: 'hang' });
    await using vm = await boot([dead, hanging.guestUrl, good.guestUrl], 'statectl.set=server.choose=measured');
    await vm.console(/tiny: init/);
    const { server, servers, phases } = await recordOf(vm);
    expect(server).toBe(good.guestUrl);
    expect(servers).toMatchObject([
      { url: good.guestUrl, reason: expect.stringMatching(/^measured: [\d.]+ ms, load [\d.]+$/) },
      { url: dead, reason: 'not reachable', isLast: true },
      { url: hanging.guestUrl, reason: 'silent', isLast: true },
    ]);
    expect(phases.find(({ name }) => name === 'bundle')?.tookMs).toBeLessThan(BUNDLE_PHASE_MS);
    expect(blobsOf(good)).toMatchObject([{ status: 200, bytes: good.manifest.root.sizeBytes }]);
    expect(hanging.log).toEqual([]);
  });

  test('goes on at the other where its server dies in the middle of a download', async () => {
    hanging.heal();
    hanging.fault(PATHS.blob, { kind: 'reset', afterBytes: BROKEN_AFTER_BYTES });
    const before = blobsOf(good).length;
    await using vm = await boot([hanging.guestUrl, good.guestUrl]);
    await vm.console(/going on from byte \d+/);
    await vm.console(/tiny: init/);
    const { server, warnings } = await recordOf(vm);
    expect(server).toBe(hanging.guestUrl);
    expect(warnings).toEqual(expect.arrayContaining([expect.stringMatching(/broke.*going on from byte \d+$/)]));
    const rest = blobsOf(good).slice(before);
    expect(rest).toMatchObject([{ status: 206, range: expect.stringMatching(/^bytes=[1-9]\d*-$/) }]);
    const from = Number(/\d+/.exec(rest[0]?.range ?? '')?.[0]);
    expect(from).toBeLessThanOrEqual(BROKEN_AFTER_BYTES);
    expect(rest[0]?.bytes).toBe(good.manifest.root.sizeBytes - from);
  });
});
