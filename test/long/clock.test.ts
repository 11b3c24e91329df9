import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO } from '../../build/demo.ts';
import { linuxHost } from '../../src/host/linux/host.ts';
import { authority } from '../../src/identity/certificates/authority.ts';
import { issueCertificate } from '../../src/identity/certificates/leaf-certificate.ts';
import type { BootRecord } from '../../src/machine/boot-record.ts';
import { SERVER_NAME } from '../../src/protocol/machine-name.ts';
import { bootMachine } from '../boot/lab/machine.ts';
import { type ServedImages, serveImages } from '../boot/lab/serve-images.ts';
import { makeCertificate, newKey } from '../fixtures/identity/certificates.ts';

const UUID = '11111111-2222-3333-4444-000000000034';
const DAY_MS = 86_400_000;

/** Takes TLS connections, and says nothing. */
async function listenWith(key: ReturnType<typeof newKey>, cert: string): Promise<AsyncDisposable & { port: number }> {
  const server = createServer({ key: key.export({ type: 'pkcs8', format: 'pem' }).toString(), cert });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const closed = () => new Promise<void>((resolve) => void server.close(() => resolve()));
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: closed };
}

describe('a machine whose clock is at 1970', () => {
  const closing = new AsyncDisposableStack();
  let dir: string;
  let servers: Record<'foreign' | 'over' | 'good', ServedImages>;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'statectl-clock-'));
    closing.defer(() => rm(dir, { recursive: true }));
    await cp('config.d', dir, { recursive: true });
    const node = `match: { uuid: ${UUID} }\nset: { identity: { names: [print34.lab] } }\n`;
    await writeFile(join(dir, 'nodes/print34.conf'), node);
    const serve = async (enrols: boolean) => closing.use(await serveImages('tiny', { config: dir, enrols }));
    servers = { foreign: await serve(false), over: await serve(false), good: await serve(true) };
    const names = { name: SERVER_NAME, isAuthority: false, names: [SERVER_NAME] };
    const foreign = await makeCertificate({ ...names, issuer: await makeCertificate({ name: 'statectl CA' }) });
    const over = newKey();
    const { pem } = await issueCertificate(await authority(linuxHost(), `${DEMO.state}/keys`), {
      ...{ publicKey: createPublicKey(over), commonName: SERVER_NAME, dnsNames: [SERVER_NAME], role: 'server' },
      ...{ notBeforeMs: 0, notAfterMs: Date.now() - 365 * DAY_MS },
    });
    for (const [name, key, cert] of [
      ['foreign', foreign.key, foreign.pem],
      ['over', over, pem],
    ] as const) {
      const { port } = closing.use(await listenWith(key, cert));
      const body = Buffer.from(JSON.stringify({ port, name: 'common' }));
      servers[name].fault(/^\/v1\/tls$/, { kind: 'body', body });
    }
  });
  afterAll(() => closing.disposeAsync());

  test('sets it to when its initramfs was built, believes no server of another authority nor one whose certificate is over, and enrols with the third', async () => {
    const urls = [servers.foreign, servers.over, servers.good].map(({ guestUrl }) => guestUrl);
    await using vm = await bootMachine({
      server: { guestUrl: urls.join(',') },
      uuid: UUID,
      memoryMiB: 512,
      clock: '1970-01-01',
    });
    await vm.console(/tiny: init/);
    const sentences = vm.events.flatMap((event) => (event.event === 'step' ? [event.step] : []));
    expect(sentences).toContainEqual(expect.stringMatching(/^set the clock from 1970-01-01 00:00:\d\d UTC to 20\d\d-/));
    const { identity, warnings } = JSON.parse(await vm.shell('cat /run/statectl/boot.json')) as BootRecord;
    expect(identity).toMatchObject({ state: 'pending', server: servers.good.guestUrl });
    const refusals = warnings.filter((text) => text.includes('did not say who this machine is'));
    expect(refusals).toEqual([
      expect.stringMatching(/UNABLE_TO_|SELF_SIGNED/),
      expect.stringMatching(
        /CERT_HAS_EXPIRED\): its certificate counts from 1970-\S+ \S+ UTC to .* by this machine's clock/,
      ),
    ]);
    const builtSeconds = Buffer.from((await readFile(`${DEMO.image}/root.squashfs`)).subarray(8, 12)).readUInt32LE(0);
    expect(Number(await vm.shell('date +%s'))).toBeGreaterThanOrEqual(builtSeconds);
  });
});
