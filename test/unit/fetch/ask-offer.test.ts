import { describe, expect, it } from 'vitest';
import { bundle } from '../../../src/boot/phases/bundle.ts';
import { BEFORE_ROOT } from '../../../src/boot/roots.ts';
import { readOffer } from '../../../src/fetch/ask-offer.ts';
import type { Host } from '../../../src/host/host.ts';
import type { Server, Servers } from '../../../src/host/memory/http.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import type { TaskContext } from '../../../src/host/task-context.ts';
import { planAskOffer } from '../../../src/machine/delivery/take-offer.ts';
import type { Facts } from '../../../src/machine/facts/facts.ts';
import { OFFER_ANSWERS, RUN_INITRAMFS } from '../../../src/machine/paths.ts';
import { machineHost } from '../../../src/machine/roots.ts';
import { applyStep, type Step } from '../../../src/machine/steps/step.ts';
import { createCopy, createFacts, createInterface, createMachineFacts } from '../../fixtures/facts.ts';
import { createImage, createServer, FOREIGN_KEY } from '../../fixtures/image/image.ts';

const [A, B, C] = ['http://a:8080', 'http://b:8080', 'http://c:8080'] as const;
const IMAGE = createImage();
const OTHER = createImage({ name: 'other' });
const blob = (server: string, image = IMAGE) => `${server}/blobs/sha256/${image.manifest.root.sha256}`;

const factsWith = (servers: readonly string[], changes: Parameters<typeof createFacts>[0] = {}): Facts =>
  createFacts({
    ...changes,
    root: { ...changes.root, offer: undefined },
    config: { ...changes.config, server: { servers } },
  });

function listener() {
  const warned: string[] = [];
  return {
    warned,
    say: () => {},
    warn: (text: string) => void warned.push(text),
    signal: new AbortController().signal,
  };
}

const machine = (servers: Servers) => memoryHost({ servers, files: { [RUN_INITRAMFS]: { type: 'dir' } } });

/** Asked once, and what the boot makes of it. */
async function askOnce(host: Host, facts: Facts, boot: TaskContext) {
  const once = (step: Step): Step =>
    step.kind === 'ask-offer' ? { ...step, limits: { ...step.limits, tries: 1 } } : step;
  for (const step of planAskOffer(facts)) await applyStep(once(step), host, boot);
  return readOffer(host, OFFER_ANSWERS, facts.machine.trustedKeys);
}

describe('servers are asked', () => {
  const ask = (servers: Record<string, Server>, facts = factsWith(Object.keys(servers))) => {
    const host = machine(servers);
    const boot = listener();
    return { host, boot, offer: askOnce(host, facts, boot) };
  };

  it('who the machine is, by the interface that it boots from and its other wired ones, and for which image', async () => {
    const facts = factsWith([A], {
      network: {
        interfaces: [
          createInterface({ name: 'eno2', mac: '52:54:00:12:34:58' }),
          createInterface({ name: 'eno1', mac: '52:54:00:12:34:57' }),
          createInterface({ name: 'wlan0', mac: '52:54:00:12:34:59', wireless: true }),
          createInterface({ name: 'usb0', mac: '52:54:00:12:34:5a', random: true }),
          createInterface(),
        ],
      },
      machine: createMachineFacts({ serial: '7 X' }),
      config: { boot: { image: 'lab@1' } },
    });
    const { host, offer } = ask({ [A]: createServer(IMAGE) }, facts);
    await offer;
    const [first] = host.calls.flatMap((call) => (call.kind === 'request' ? [call.url] : []));
    expect(first?.pathname).toBe('/v1/boot');
    expect([...(first?.searchParams ?? [])]).toEqual([
      ['mac', '52:54:00:12:34:56'],
      ['uuid', '4c4c4544-0042-3510-8054-b4c04f4d5a31'],
      ['serial', '7 X'],
      ['arch', 'x86_64'],
      ['macs', '52:54:00:12:34:57,52:54:00:12:34:58'],
      ['image', 'lab@1'],
    ]);
  });

  it('and what is no label of the machine is kept from them', async () => {
    const commandLine = 'statectl.label=rack,row=3 statectl.label= statectl.label=a=b';
    const { host, offer } = ask({ [A]: createServer(IMAGE) }, factsWith([A], { commandLine }));
    await offer;
    const [first] = host.calls.flatMap((call) => (call.kind === 'request' ? [call.url] : []));
    expect(first?.searchParams.get('labels')).toBe('a=b,row=3');
  });

  it('and the first in the order of the config is believed; those with the same image are further sources of it', async () => {
    const { offer } = ask({ [A]: createServer(IMAGE), [B]: createServer(OTHER), [C]: createServer(IMAGE) });
    expect(await offer).toMatchObject({ server: A, manifest: IMAGE.manifest, rootUrls: [blob(A), blob(C)] });
  });

  it('all at once: a dead one costs its time to connect, and is named', async () => {
    const { host, boot, offer } = ask({ [A]: () => 'silent', [B]: () => 'silent', [C]: createServer(IMAGE) });
    expect(await offer).toMatchObject({ server: C });
    expect(host.clock.uptimeMs()).toBe(2_000);
    expect(boot.warned).toEqual([expect.stringContaining('http://a:8080'), expect.stringContaining('http://b:8080')]);
  });

  it('and an image that nobody signed whom the machine trusts is never taken', async () => {
    const foreign = createServer(createImage({ key: FOREIGN_KEY }));
    await expect(ask({ [A]: foreign }).offer).rejects.toMatchObject({
      code: 'manifest-unsigned',
      hint: expect.stringContaining('key'),
    });
    expect(await ask({ [A]: foreign, [B]: createServer(IMAGE) }).offer).toMatchObject({
      server: B,
      rootUrls: [blob(B)],
    });
    for (const servers of [
      { [A]: foreign, [B]: () => 'refused' as const },
      { [A]: () => 'refused' as const, [B]: foreign },
    ])
      await expect(ask(servers).offer).rejects.toMatchObject({ code: 'manifest-unsigned' });
    await expect(ask({ [A]: () => 'refused', [B]: () => ({ status: 404 }) }).offer).rejects.toMatchObject({
      code: 'server-unreachable',
    });
  });

  it('and a manifest that was changed after it was signed is never taken', async () => {
    const altered = { ...IMAGE, manifestText: IMAGE.manifestText.replace('"lab"', '"bad"') };
    await expect(ask({ [A]: createServer(altered) }).offer).rejects.toMatchObject({ code: 'manifest-unsigned' });
    const nothing: Server = (request) =>
      request.url.pathname.endsWith('.sig') ? { body: '' } : createServer(IMAGE)(request);
    await expect(ask({ [A]: nothing }).offer).rejects.toMatchObject({ code: 'manifest-unsigned' });
  });

  it('and a machine that trusts nobody takes nothing', async () => {
    const facts = factsWith([A], { machine: createMachineFacts({ trustedKeys: [] }) });
    await expect(ask({ [A]: createServer(IMAGE) }, facts).offer).rejects.toMatchObject({ code: 'manifest-unsigned' });
  });

  it.each<[string, Server, string]>([
    [
      'an error, with its reason',
      () => ({ status: 404, body: JSON.stringify({ detail: 'there is no image for this machine' }) }),
      'http-status',
    ],
    ['a page of another program', () => ({ body: '<html>router</html>' }), 'http-answer'],
    ['JSON of another program', () => ({ body: '{"files":{}}' }), 'http-answer'],
    [
      'half of an answer',
      () => ({ body: '{"manifestUrl":"/m","signatureUrl":7,"files":{"root":"/r"}}' }),
      'http-answer',
    ],
    ['null', () => ({ body: 'null' }), 'http-answer'],
    ['an answer without end', () => ({ body: 'x'.repeat(2 ** 20 + 1) }), 'http-answer'],
  ])('and may give %s', async (_title, server, code) => {
    await expect(ask({ [A]: server }).offer).rejects.toMatchObject({ code });
  });

  it('and read no further than an answer may be long', async () => {
    const of =
      (size: number): Server =>
      () => ({ body: 'x'.repeat(size) });
    await expect(ask({ [A]: of(2 ** 20) }).offer).rejects.toThrow(
      /does not answer like a statectl server: it is no JSON$/,
    );
    await expect(ask({ [A]: of(2 ** 20 + 1) }).offer).rejects.toThrow(/sends more than 1 MiB where a short answer/);
  });

  it('and the reason of an error is told', async () => {
    await expect(
      ask({ [A]: () => ({ status: 404, body: '{"detail":"no image for this machine"}' }) }).offer,
    ).rejects.toThrow(/answered 404: no image for this machine$/);
  });

  it('and what is no address is said to be none', async () => {
    await expect(ask({}, factsWith(['boot lab'])).offer).rejects.toMatchObject({
      code: 'url-invalid',
      message: '"boot lab" is not the address of a server',
    });
  });
});

describe('servers that were put in order', () => {
  const ordered = (...servers: readonly { readonly url: string; readonly isLast?: true }[]) =>
    factsWith([A, B, C], { servers: { inOrder: servers.map((server) => ({ reason: 'measured', ...server })) } });
  const ask = async (servers: Record<string, Server>, facts: Facts) => {
    const host = machine(servers);
    const boot = listener();
    const offer = await askOnce(host, facts, boot).catch((error) => error);
    const asked = new Set(host.calls.flatMap((call) => (call.kind === 'request' ? [call.url.origin] : [])));
    return { offer, asked: [...asked].toSorted(), warned: boot.warned, host };
  };
  const busy =
    (seconds: number): Server =>
    () => ({ status: 503, headers: { 'retry-after': String(seconds) }, body: '{"detail":"64 files"}' });
  const good = createServer(IMAGE);

  it('are believed in that order, whatever config.d lists first', async () => {
    const { offer } = await ask({ [A]: good, [B]: good, [C]: good }, ordered({ url: C }, { url: A }, { url: B }));
    expect(offer).toMatchObject({ server: C, rootUrls: [blob(C), blob(A), blob(B)] });
  });

  it('are not asked where others do, but stay as the last sources of the image', async () => {
    const { offer, asked, host } = await ask(
      { [A]: () => 'silent', [B]: good, [C]: good },
      ordered({ url: B }, { url: A, isLast: true }, { url: C, isLast: true }),
    );
    expect(offer).toMatchObject({ server: B, rootUrls: [blob(B), blob(A), blob(C)] });
    expect(asked).toEqual([B]);
    expect(host.clock.uptimeMs()).toBe(0);
  });

  it('are no sources where they have no address, nor of what lies elsewhere', async () => {
    const last = ordered({ url: B }, { url: 'boot lab', isLast: true }, { url: C, isLast: true });
    expect((await ask({ [B]: good }, last)).offer).toMatchObject({ rootUrls: [blob(B), blob(C)] });
    const elsewhere: Server = (request) => {
      const answer = good(request);
      if (request.url.pathname !== '/v1/boot' || !(answer instanceof Object) || !('body' in answer)) return answer;
      const { files, ...rest } = JSON.parse(String(answer.body));
      return { ...answer, body: JSON.stringify({ ...rest, files: { ...files, root: 'http://cdn.lab/root' } }) };
    };
    expect((await ask({ [B]: elsewhere }, last)).offer).toMatchObject({ rootUrls: ['http://cdn.lab/root'] });
  });

  it('are asked all the same when the good ones fail', async () => {
    const { offer, warned } = await ask(
      { [A]: good, [B]: () => 'refused' },
      ordered({ url: B }, { url: A, isLast: true }),
    );
    expect(offer).toMatchObject({ server: A, rootUrls: [blob(A)] });
    expect(warned).toEqual([expect.stringContaining(B)]);
  });

  it('and busy are waited for, the first to be free, rather than those that cannot help', async () => {
    const { offer } = await ask(
      { [A]: busy(9), [B]: busy(4), [C]: createServer(createImage({ key: FOREIGN_KEY })) },
      ordered({ url: C }, { url: A, isLast: true }, { url: B, isLast: true }),
    );
    expect(offer).toMatchObject({ code: 'server-busy' });
    expect(offer.message).toMatch(/^http:\/\/b:8080\/v1\/boot\?\S+ is busy: 64 files$/);
  });
});

describe('a folder of any web server', () => {
  const folder =
    (image = IMAGE): Server =>
    ({ url }) => {
      if (url.pathname === '/images/lab/manifest.json') return { body: image.manifestText };
      if (url.pathname === '/images/lab/manifest.json.sig') return { body: image.signature };
      return { status: 404 };
    };
  const ask = (root: string, server = folder()) =>
    askOnce(machine({ [A]: server }), factsWith([], { config: { boot: { root } } }), listener());

  it.each([`${A}/images/lab`, `${A}/images/lab/`])('named as %s has the image beside its manifest', async (root) => {
    expect(await ask(root)).toMatchObject({ manifest: IMAGE.manifest, rootUrls: [`${A}/images/lab/root.squashfs`] });
  });

  it('is believed no more than a server: what nobody signed is not taken', async () => {
    await expect(ask(`${A}/images/lab`, folder(createImage({ key: FOREIGN_KEY })))).rejects.toMatchObject({
      code: 'manifest-unsigned',
    });
    await expect(ask(`${A}/images`)).rejects.toMatchObject({ code: 'http-status' });
  });
});

describe('the bundle phase', () => {
  const gather = (facts: Facts, servers: Servers = {}) => {
    const host = machine(servers);
    const boot = listener();
    const found = (async () => {
      const [asks, takes] = bundle.rounds.slice(-2);
      for (const step of asks?.plan?.(facts) ?? []) await applyStep(step, host, boot);
      return takes?.gather?.(machineHost(host, BEFORE_ROOT), facts, boot);
    })();
    return { host, ...boot, found };
  };
  const copy = createCopy(IMAGE);

  it('asks nobody when the root is local', async () => {
    expect(await gather(factsWith([], { config: { boot: { root: 'LABEL=system' } } })).found).toEqual({});
  });

  it('keeps asking without a copy, visibly, as often as configured', async () => {
    const { found, warned, host } = gather(factsWith([A]));
    await expect(found).rejects.toMatchObject({ code: 'server-unreachable' });
    expect(warned.map((text) => /try \d of \d/.exec(text)?.[0])).toEqual(
      [2, 3, 4, 5, 6, 7, 8].map((attempt) => `try ${attempt} of 8`),
    );
    expect(host.clock.uptimeMs()).toBeGreaterThan(5_000);
  });

  it('obeys a busy server, visibly, and boots when it has time', async () => {
    let asked = 0;
    const busy: Server = (request) => {
      asked += 1;
      return asked <= 2 ? { status: 503, headers: { 'retry-after': '8' } } : createServer(IMAGE)(request);
    };
    const { found, warned, host } = gather(factsWith([A]), busy);
    expect(await found).toMatchObject({ root: { offer: { server: A } } });
    expect(warned.map((text) => /try \d of \d in/.exec(text)?.[0])).toEqual(['try 2 of 8 in', 'try 3 of 8 in']);
    expect(host.clock.uptimeMs()).toBeGreaterThanOrEqual(16_000);
    expect(host.clock.uptimeMs()).toBeLessThan(18_000);
  });

  it('boots the copy after network.wait when the server is busy for longer', async () => {
    const busy: Server = () => ({ status: 503, headers: { 'retry-after': '600' } });
    const { found, host } = gather(factsWith([A], { root: { copy } }), busy);
    expect(await found).toMatchObject({ root: { offer: undefined } });
    expect(host.clock.uptimeMs()).toBe(10_000);
  });

  it('takes the answer of a server that starts late', async () => {
    let asked = 0;
    const late: Server = (request) => {
      asked += 1;
      return asked <= 4 ? 'refused' : createServer(IMAGE)(request);
    };
    expect(await gather(factsWith([A]), late).found).toMatchObject({ root: { offer: { server: A } } });
  });

  it.each<[string, Server]>([
    ['refuses', () => 'refused'],
    ['is dead', () => 'silent'],
    ['accepts and says nothing', () => ({ tookMs: Number.POSITIVE_INFINITY })],
    ['dribbles', () => ({ body: 'x'.repeat(1000), bytesPerSecond: 1 })],
  ])('boots the copy after network.wait when the server %s', async (_title, server) => {
    const { found, warned, host } = gather(factsWith([A], { root: { copy } }), server);
    expect(await found).toMatchObject({ root: { offer: undefined, offerFailure: expect.any(String) } });
    expect(host.clock.uptimeMs()).toBeLessThanOrEqual(10_000);
    expect(warned.at(-1)).toMatch(/booting the copy of lab 20261120\.1 on this machine$/);
  });

  it.each<[string, Server]>([
    [
      'whose answer leads nowhere',
      () => ({ body: '{"manifestUrl":"http://[","signatureUrl":"/s","files":{"root":"/r"}}' }),
    ],
    ['that sends a manifest of nothing', () => ({ body: '{}' })],
  ])('boots the copy rather than what a server says %s', async (_title, server) => {
    const { found } = gather(factsWith([A], { root: { copy } }), { [A]: server });
    expect(await found).toMatchObject({ root: { offer: undefined, offerFailure: expect.any(String) } });
  });

  it('believes no answer that was kept: it is verified as it is read', async () => {
    const facts = factsWith([A]);
    const host = machine({ [A]: createServer(IMAGE) });
    const boot = listener();
    for (const step of planAskOffer(facts)) await applyStep(step, host, boot);
    const said = await host.files.readText(OFFER_ANSWERS);
    await host.files.write(OFFER_ANSWERS, said.replace('\\"lab\\"', '\\"bad\\"'));
    await expect(bundle.rounds.at(-1)?.gather?.(machineHost(host, BEFORE_ROOT), facts, boot)).rejects.toMatchObject({
      code: 'manifest-unsigned',
    });
    expect(said).toContain('\\"lab\\"');
  });

  it('boots the copy at once when there is no network or no server to ask', async () => {
    for (const facts of [
      factsWith([], { root: { copy } }),
      factsWith([A], { root: { copy }, network: { leases: [] } }),
    ]) {
      const { found, host } = gather(facts);
      expect(await found).toMatchObject({ root: { offer: undefined } });
      expect(host.clock.uptimeMs()).toBe(0);
    }
  });

  it('boots the copy rather than what nobody signed, and does not ask again', async () => {
    const { found, host, warned } = gather(factsWith([A], { root: { copy } }), {
      [A]: createServer(createImage({ key: FOREIGN_KEY })),
    });
    expect(await found).toMatchObject({ root: { offer: undefined } });
    expect(warned).toEqual([expect.stringMatching(/trusted keys signed; booting the copy/)]);
    expect(host.clock.uptimeMs()).toBe(0);
  });

  it.each<[string, Facts, string]>([
    ['no server is known', factsWith([]), 'no-server'],
    ['no interface got an address', factsWith([A], { network: { leases: [] } }), 'no-network'],
  ])('says what to do when %s', async (_title, facts, code) => {
    await expect(gather(facts).found).rejects.toMatchObject({ code, hint: expect.any(String) });
  });

  it('forgets an earlier answer when it is asked again and nobody answers', async () => {
    const earlier = createFacts({ root: { copy } });
    expect(
      await gather({ ...earlier, config: { ...earlier.config, server: { ...earlier.config.server, servers: [A] } } })
        .found,
    ).toHaveProperty('root.offer', undefined);
  });
});
