import { sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathFault } from '../../../../src/config/settings/delivered-path.ts';
import { packMembers, unpackMembers } from '../../../../src/signed/bundle/archive.ts';
import { entryFaults } from '../../../../src/signed/bundle/entry.ts';
import { draftBundle, sealBundle } from '../../../../src/signed/bundle/make.ts';
import { type BundleManifest, contentDigestOf, parseBundleManifest } from '../../../../src/signed/bundle/manifest.ts';
import { compareBundles } from '../../../../src/signed/bundle/order.ts';
import { parseSettings } from '../../../../src/signed/bundle/parse-settings.ts';
import { verifyBundle } from '../../../../src/signed/bundle/verify.ts';
import { anyLetters } from '../../../fixtures/any-letters.ts';
import { CLAIMS, createBundle, createContent, createFile, createSigner, SIGNER } from '../../../fixtures/bundle.ts';
import { SHIPPED_CONFIG } from '../../../fixtures/config.ts';
import { sized } from '../../../fixtures/effort.ts';
import { FOREIGN_KEY, TRUSTED_KEY } from '../../../fixtures/image/image.ts';

const TRUSTED = [TRUSTED_KEY.publicPem];
const open = (archive: Buffer) => verifyBundle(unpackMembers(archive), TRUSTED);
const FILES = [
  createFile('/etc/motd', { content: 'Welcome\n' }),
  createFile('/etc/klipper/printer.cfg', { mode: 0o640, owner: 'klipper', group: '1000', content: 'ü\0\n' }),
];

/** Names that Linux allows and a bundle carries. */
const plainName = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
  .filter((text) => pathFault(`/x/${text}`) === undefined && !text.includes('/'));
const files = fc.uniqueArray(
  fc.record({
    path: fc.array(plainName, { minLength: 1, maxLength: 4 }).map((names) => `/srv/${names.join('/')}.f`),
    content: anyLetters({ maxLength: 300 }).map((text) => text.toWellFormed()),
    mode: fc.nat(0o7777),
    owner: fc.constantFrom('root', 'www-data', '1000', '_apt', 'user$'),
    group: fc.constantFrom('root', 'adm', '0'),
  }),
  { selector: ({ path }) => path, maxLength: 15 },
);

describe('a bundle', () => {
  it('survives the way to the machine, whatever its files', () => {
    fc.assert(
      fc.property(files, (given) => {
        const rendered = given.map((file) => createFile(file.path, file));
        if (entryFaults(rendered).length > 0) return;
        const { manifest, members } = open(createBundle({ content: createContent(rendered) }).archive);
        const found = manifest.entries.map(({ path, mode, owner, group, sha256 }) => {
          const content = Buffer.from(members.get(`files/${sha256}`)!).toString();
          return { path, mode, owner, group, content };
        });
        const byPath = given.toSorted((a, b) => (a.path < b.path ? -1 : 1));
        expect(found).toEqual(byPath);
      }),
    );
  });

  it('says what it is', () => {
    const bundle = open(createBundle({ content: createContent(FILES), epoch: 2, sequence: 1763640000000 }).archive);
    expect(bundle.notBeforeMs).toBe(Date.parse('2026-11-01'));
    expect(bundle.manifest).toMatchObject({
      format: 1,
      node: 'print01',
      machine: CLAIMS,
      keyId: SIGNER.keyId,
      epoch: 2,
      sequence: 1763640000000,
      made: '2025-11-20T12:00:00.000Z',
      entries: [
        { path: '/etc/klipper/printer.cfg', mode: 0o640, owner: 'klipper' },
        { path: '/etc/motd', sizeBytes: 8 },
      ],
    });
    expect(JSON.parse(Buffer.from(bundle.members.get('config.json')!).toString())).toEqual(SHIPPED_CONFIG);
  });

  it('has the same digest while its content is the same, and another for every part of it', () => {
    const content = createContent(FILES);
    const draft = (changes: object = {}, machine = CLAIMS, epoch = 0, keyId = SIGNER.keyId) =>
      draftBundle({ ...content, ...changes }, machine, { keyId, epoch }).contentDigest;
    expect(draft({ files: FILES.toReversed() })).toBe(draft());
    const others = [
      draft({ node: 'print02' }),
      draft({ node: undefined }),
      draft({ settings: { boot: { image: 'lab' } } }),
      draft({ configDigest: '' }),
      draft({ config: {} }),
      draft({ files: [] }),
      draft({ files: [FILES[0]!, { ...FILES[1]!, mode: 0o600 }] }),
      draft({ files: [FILES[0]!, { ...FILES[1]!, owner: 'root' }] }),
      draft({ files: [FILES[0]!, { ...FILES[1]!, content: 'u' }] }),
      draft({}, { ...CLAIMS, mac: '52:54:00:12:34:57' }),
      draft({}, { ...CLAIMS, macs: '52:54:00:12:34:57' }),
      draft({}, CLAIMS, 1),
      draft({}, CLAIMS, 0, 'ff'.repeat(32)),
    ];
    expect(new Set([draft(), ...others]).size).toBe(others.length + 1);
  });

  it('of 10,000 files is made; one more is refused', () => {
    const many = Array.from({ length: 10_001 }, (_, at) => createFile(`/srv/${at}`, { content: '' }));
    expect(open(createBundle({ content: createContent(many.slice(1)) }).archive).manifest.entries).toHaveLength(10_000);
    expect(() => createBundle({ content: createContent(many) })).toThrow('10001 files, a bundle has at most 10000');
  });

  it('has the digest that it always had: by another, every machine would fetch what it has', () => {
    const digest = { sha256: 'a'.repeat(64), sizeBytes: 1 };
    const entry = { path: '/etc/a', mode: 0o644, owner: 'root', group: 'adm', ...digest };
    const content = {
      ...{
        format: 1 as const,
        statectl: '0',
        node: 'print01',
        machine: CLAIMS,
        keyId: 'k',
        epoch: 2,
        configDigest: 'c',
      },
      ...{ settings: digest, config: digest, entries: [entry] },
    } as const;
    expect(contentDigestOf(content)).toBe('68cddda7d831da6bd5d6dad05d22ed7f57095c80ed326ff1758296e1a6cebc09');
    expect(contentDigestOf({ ...content, machine: { ...CLAIMS, macs: '52:54:00:12:34:57' } })).toBe(
      '5fcfe5a80a399e540d66f9bd3f1d2b00ff77fc15ec147277fce38917ebd1d256',
    );
  });

  it('with files that cannot be delivered is not made, and each is named', () => {
    const files = [createFile('/etc/../x'), createFile('/etc/a'), createFile('/proc/x')];
    expect(() => createBundle({ content: createContent(files) })).toThrow(
      expect.objectContaining({
        code: 'bundle-invalid',
        message: '"/etc/../x" is not a plain path\n"/proc/x" belongs to the kernel',
      }),
    );
  });

  it('is read by the schemas of a machine whose statectl is another', () => {
    expect(parseSettings({})).toEqual(SHIPPED_CONFIG.boot && expect.objectContaining({ boot: expect.anything() }));
    expect(parseSettings({ boot: { image: 'lab' } }).boot.image).toBe('lab');
    expect(() => parseSettings({ boot: { imag: 'lab' } })).toThrow(
      expect.objectContaining({ code: 'settings-invalid' }),
    );
  });
});

describe('a machine refuses', () => {
  const { archive } = createBundle({ content: createContent(FILES) });
  const members = unpackMembers(archive);
  const refusal = (changed: ReadonlyMap<string, Uint8Array>, trusted = TRUSTED) => {
    try {
      verifyBundle(changed, trusted);
      return 'taken';
    } catch (error) {
      return (error as { code?: string }).code;
    }
  };

  it.each([...members.keys()])('a bundle with any other byte in %s', (name) => {
    const data = members.get(name)!;
    for (let at = 0; at < data.length; at += Math.max(1, Math.floor(data.length / 200))) {
      const altered = Buffer.from(data);
      altered[at]! ^= 0x20;
      expect(refusal(new Map([...members, [name, altered]])), `byte ${at}`).toMatch(/^bundle-(untrusted|damaged)$/);
    }
    expect(refusal(new Map([...members, [name, Buffer.concat([data, Buffer.from(' ')])]]))).toMatch(/^bundle-/);
    expect(refusal(new Map([...members].filter(([other]) => other !== name)))).toBe('bundle-damaged');
  });

  it('the packed bundle with other bytes anywhere, unless it says the same', () => {
    const { digest } = open(archive);
    for (let at = 0; at < archive.length; at += sized(5, 1)) {
      const altered = Buffer.from(archive);
      altered[at]! ^= 0x40;
      try {
        expect(verifyBundle(unpackMembers(altered), TRUSTED).digest).toBe(digest);
      } catch (error) {
        expect((error as { code?: string }).code, `byte ${at}`).toMatch(/^bundle-(untrusted|damaged)$/);
      }
    }
  });

  it('a member that the manifest does not name', () => {
    expect(refusal(new Map([...members, [`files/${'a'.repeat(64)}`, Buffer.from('x')]]))).toBe('bundle-damaged');
  });

  it('a key that no trusted image key certified, and a machine without one everything', () => {
    const foreign = createBundle({ signer: createSigner(undefined, FOREIGN_KEY) }).archive;
    expect(refusal(unpackMembers(foreign))).toBe('bundle-untrusted');
    expect(refusal(members, [])).toBe('bundle-untrusted');
    expect(refusal(members, ['no key', TRUSTED_KEY.publicPem])).toBe('taken');
    expect(refusal(members, ['no key'])).toBe('bundle-untrusted');
  });

  it('a certificate that says no moment since when it counts: nobody could tell which of two is newer', () => {
    const { archive } = createBundle({ signer: createSigner('soon') });
    expect(refusal(unpackMembers(archive))).toBe('bundle-untrusted');
  });

  it('the certificate of one key with the bundle of another', () => {
    const other = unpackMembers(createBundle({ signer: createSigner() }).archive);
    const certificate = (name: string) => [name, other.get(name)!] as const;
    const mixed = new Map([...members, certificate('bundle.cert.json'), certificate('bundle.cert.json.sig')]);
    expect(refusal(mixed)).toBe('bundle-untrusted');
  });

  it('a later certificate of the same key with an earlier bundle', () => {
    const later = { ...SIGNER, certificate: SIGNER.certificate.replace('2026-11-01', '2027-01-01') };
    const signature = sign(null, Buffer.from(later.certificate), TRUSTED_KEY.privateKey);
    const mixed = new Map([
      ...members,
      ['bundle.cert.json', Buffer.from(later.certificate)] as const,
      ['bundle.cert.json.sig', signature] as const,
    ]);
    expect(refusal(mixed)).toBe('bundle-untrusted');
  });

  it('paths that lead elsewhere, also where the bundle key signed them', () => {
    const draft = draftBundle(createContent(FILES), CLAIMS, { keyId: SIGNER.keyId, epoch: 0 });
    const evil = { ...draft.content, entries: [{ ...draft.content.entries[0]!, path: '/etc/../../x' }] };
    const sealed = sealBundle({ ...draft, content: evil }, { sequence: 1, madeMs: 1 }, SIGNER);
    expect(refusal(unpackMembers(sealed))).toBe('bundle-damaged');
  });

  /** Of something that has the digest that it says, if it can have one. */
  const refusalOf = (change: object) => {
    const changed = { ...open(archive).manifest, ...change } as BundleManifest;
    let contentDigest: unknown = 'none';
    try {
      ({ contentDigest = contentDigestOf(changed) } = change as { readonly contentDigest?: unknown });
    } catch {
      // It has none.
    }
    try {
      parseBundleManifest(JSON.stringify({ ...changed, contentDigest }));
      return 'taken';
    } catch (error) {
      return `${(error as { code?: string }).code}: ${(error as Error).message}`;
    }
  };
  const [entry] = open(archive).manifest.entries;
  const digest = { sha256: 'a'.repeat(64), sizeBytes: 1 };

  it.each([
    { statectl: 1 },
    { made: undefined },
    { configDigest: null },
    { contentDigest: 7 },
    { node: 7 },
    { machine: { ...CLAIMS, mac: 7 } },
    { machine: { ...CLAIMS, macs: [] } },
    { keyId: 'x' },
    { keyId: `${'a'.repeat(64)}a` },
    { keyId: `A${'a'.repeat(63)}` },
    { keyId: undefined },
    { epoch: -1 },
    { epoch: '0' },
    { sequence: 1.5 },
    { sequence: Number.MAX_SAFE_INTEGER + 1 },
    { settings: null },
    { settings: { ...digest, sha256: '../x' } },
    { config: { ...digest, sizeBytes: -1 } },
    { config: { sha256: digest.sha256 } },
    { entries: {} },
    { entries: [null] },
    { entries: [{ ...entry, ...digest, sizeBytes: '1' }] },
    { entries: [{ ...entry, ...digest, sha256: `${'a'.repeat(64)}/../..` }] },
    { entries: [{ ...entry, path: 7 }] },
    { entries: [{ ...entry, owner: undefined }] },
    { entries: [{ ...entry, group: 0 }] },
    { entries: [entry, { ...entry, path: null }] },
  ])('a manifest with %j, also where the bundle key signed it', (change) => {
    expect(refusalOf(change)).toBe('bundle-damaged: the bundle is damaged: its manifest lacks something');
  });

  it('a manifest of another format, without one, with another digest than it says, or that is no JSON', () => {
    expect(refusalOf({ format: 2 })).toBe(
      'bundle-damaged: the bundle is damaged: its format is 2, this statectl reads 1',
    );
    expect(refusalOf({ format: undefined })).toMatch('its format is undefined');
    expect(refusalOf({ contentDigest: 'a'.repeat(64) })).toMatch(/^bundle-damaged: .*another digest than it says/);
    for (const text of ['null', '{', ''])
      expect(() => parseBundleManifest(text)).toThrow(expect.objectContaining({ code: 'bundle-damaged' }));
  });

  it('no manifest for saying no more than it must', () => {
    expect(refusalOf({ node: undefined, machine: {}, entries: [], epoch: 0, sequence: 0 })).toBe('taken');
  });

  it('a packed bundle again with something hidden in it', () => {
    expect(refusal(unpackMembers(packMembers(new Map([...members, ['hidden', Buffer.from('x')]]))))).toBe(
      'bundle-damaged',
    );
  });
});

it.each([
  // key, epoch, sequence of the one; of the other; which is newer
  [[2, 0, 1], [1, 9, 9], 1],
  [[1, 9, 9], [2, 0, 1], -1],
  [[1, 1, 1], [1, 0, 9], 1],
  [[1, 0, 9], [1, 1, 1], -1],
  [[1, 1, 2], [1, 1, 1], 1],
  [[1, 1, 1], [1, 1, 2], -1],
  [[1, 1, 1], [1, 1, 1], 0],
] as const)('of %j and %j, key, epoch, sequence decide: %d', ([k1, e1, s1], [k2, e2, s2], expected) => {
  const number = (notBeforeMs: number, epoch: number, sequence: number) => ({ notBeforeMs, epoch, sequence });
  expect(Math.sign(compareBundles(number(k1, e1, s1), number(k2, e2, s2)))).toBe(expected);
});
