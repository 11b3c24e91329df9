import { beforeEach, describe, expect, it } from 'vitest';
import { answersPath, type BundleAnswer, bundleAnswer } from '../../../src/fetch/ask-bundle.ts';
import { chooseBundle } from '../../../src/fetch/choose-bundle.ts';
import type { BundleFacts } from '../../../src/fetch/kept-bundle.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { unpackMembers } from '../../../src/signed/bundle/archive.ts';
import { sha256Of } from '../../../src/signed/bundle/manifest.ts';
import { type Bundle, verifyBundle } from '../../../src/signed/bundle/verify.ts';
import { CLAIMS, createBundle, createSigner, SIGNER, type TestBundleOptions } from '../../fixtures/bundle.ts';
import { createFacts, createInterface, createLease, createMachineFacts } from '../../fixtures/facts.ts';
import { FOREIGN_KEY, TRUSTED_KEY } from '../../fixtures/image/image.ts';

const [A, B] = ['http://a.lab', 'http://b.lab'] as const;
const FOLDER = '/run/answers';

let said: string[];
let warned: string[];
let check: (bundle: Bundle) => Promise<unknown>;
beforeEach(() => {
  [said, warned] = [[], []];
  check = async () => {};
});

type Answer = Buffer | number | string;
const bundle = (options: TestBundleOptions = {}): Buffer => createBundle(options).archive;
const verified = (archive: Buffer): Bundle => verifyBundle(unpackMembers(archive), [TRUSTED_KEY.publicPem]);

/** The facts of one that an earlier boot kept. */
const keptOf = (archive: Buffer): BundleFacts => {
  const { digest, notBeforeMs, manifest } = verified(archive);
  const { contentDigest, epoch, sequence } = manifest;
  return { ...{ origin: 'cached', dir: '/kept', digest, notBeforeMs, contentDigest, epoch, sequence } };
};

/** What servers answered, each with a bundle, a status, or a failure. */
async function choose(answers: readonly Answer[], kept?: Buffer) {
  const files: Record<string, string | Buffer> = {};
  const told = answers.map((answer, at): BundleAnswer => {
    const url = `${[A, B][at]}/v1/bundle?mac=x`;
    if (typeof answer === 'string') return { url, failure: answer };
    if (typeof answer === 'number') return { url, status: answer, detail: ': so it is' };
    files[bundleAnswer(FOLDER, at)] = answer;
    return { url, status: 200, detail: '' };
  });
  files[answersPath(FOLDER)] = JSON.stringify(told);
  const facts = createFacts({
    machine: createMachineFacts(),
    network: { interfaces: [createInterface()], leases: [createLease()] },
    ...(kept && { bundle: { inForce: keptOf(kept) } }),
  });
  const report = { say: (text: string) => void said.push(text), warn: (text: string) => void warned.push(text) };
  return chooseBundle(memoryHost({ files }), FOLDER, facts, report, (each) => check(each));
}
const took = (archive: Buffer, at: number) => ({
  newBundle: {
    ...{ server: [A, B][at], archive: bundleAnswer(FOLDER, at), sha256: sha256Of(archive) },
    digest: verified(archive).digest,
  },
});

describe('of what servers answer', () => {
  it('the newest bundle is taken, whoever sent it', async () => {
    const [old, fresh] = [bundle({ sequence: 1 }), bundle({ sequence: 2 })];
    expect(await choose([old, fresh])).toEqual({ ...took(fresh, 1), serversSilent: false });
    expect(await choose([fresh, old])).toEqual({ ...took(fresh, 0), serversSilent: false });
    expect([said, warned]).toEqual([[], []]);
  });

  it('one is taken that is newer than the kept one, and what others lacked is told', async () => {
    const fresh = bundle({ sequence: 2 });
    expect(await choose([500, fresh], bundle({ sequence: 1 }))).toMatchObject(took(fresh, 1));
    expect(warned).toEqual(['http://a.lab gives no bundle (500): so it is']);
  });

  it('one that is older than the kept one is refused, since it could be an attack or a restored server', async () => {
    const kept = bundle({ sequence: 2 });
    expect(await choose([bundle({ sequence: 1 }), 'it is silent'], kept)).toEqual({
      ...{ bundle: keptOf(kept), newBundle: undefined, serversSilent: false },
    });
    expect(warned).toEqual([
      'it is silent; going on with bundle 0.2, kept at an earlier boot',
      'the bundle of http://a.lab is refused: it is 0.1, older than 0.2, which this machine has. Was the server restored from a copy? `statectl config epoch --raise` there; going on with bundle 0.2, kept at an earlier boot',
    ]);
  });

  it.each([
    ['by its bytes', (kept: Buffer): readonly Answer[] => ['it is silent', kept]],
    ['by a word', (): readonly Answer[] => ['it is silent', 304]],
  ])('the kept one is confirmed %s, and the first server that did is told', async (_title, answers) => {
    const kept = bundle();
    expect(await choose(answers(kept), kept)).toEqual({
      ...{ bundle: { ...keptOf(kept), server: B }, newBundle: undefined, serversSilent: false },
    });
    expect(warned).toEqual(['it is silent']);
    expect((await choose([304, 304], kept)).bundle?.server).toBe(A);
    expect((await choose([304, kept], kept)).bundle?.server).toBe(A);
  });

  it('nothing is taken of a server that only says that it is current, where nothing is kept', async () => {
    expect(await choose([304])).toEqual({ bundle: undefined, newBundle: undefined, serversSilent: false });
    expect(warned).toEqual(['http://a.lab gives no bundle (304): so it is; going on without one']);
  });

  it('that a server has no settings is no trouble to a machine that never had any', async () => {
    await choose([404]);
    expect([said, warned]).toEqual([['http://a.lab has no settings for machines: so it is'], []]);
    await choose([404], bundle());
    expect(warned).toEqual([
      'http://a.lab gives no bundle (404): so it is; going on with bundle 0.1000, kept at an earlier boot',
    ]);
  });

  it('nothing is left where all are silent', async () => {
    const kept = bundle();
    expect(await choose(['a is silent', 'b is silent'], kept)).toEqual({
      ...{ bundle: keptOf(kept), newBundle: undefined, serversSilent: true },
    });
    expect((await choose(['a is silent', 500], kept)).serversSilent).toBe(false);
  });
});

describe('a bundle is refused', () => {
  const refusal = async (archive: Buffer, kept?: Buffer) => {
    const { newBundle } = await choose([archive], kept);
    expect(newBundle).toBeUndefined();
    return warned.join('\n');
  };

  it('that is damaged, or signed by nobody who is trusted', async () => {
    expect(await refusal(Buffer.from('<html>'))).toMatch(
      /^the bundle of http:\/\/a\.lab is refused: the bundle is damaged/,
    );
    warned = [];
    expect(await refusal(bundle({ signer: createSigner(undefined, FOREIGN_KEY) }))).toMatch(
      /certified by none of the 1/,
    );
  });

  it('that this machine cannot use', async () => {
    check = async () => {
      throw new Error('it names a disk that is none');
    };
    expect(await refusal(bundle())).toBe(
      'the bundle of http://a.lab is refused: it names a disk that is none; going on without one',
    );
  });

  it.each([
    [{ ...CLAIMS, mac: '52:54:00:99:99:99' }, 'mac 52:54:00:99:99:99, this one has 52:54:00:12:34:56'],
    [{ ...CLAIMS, serial: 'X1' }, 'serial X1, this one has none'],
    [{ arch: 'x86_64', uuid: CLAIMS.uuid ?? '' }, 'mac unknown, this one has 52:54:00:12:34:56'],
    [{ ...CLAIMS, arch: 'aarch64' }, 'arch aarch64, this one has x86_64'],
    [{ ...CLAIMS, labels: 'room=b12' }, 'labels room=b12, this one has none'],
    [{ ...CLAIMS, macs: '52:54:00:99:99:99' }, 'macs 52:54:00:99:99:99, this one has none'],
  ])('that is another machine’s: %j', async (machine, why) => {
    expect(await refusal(bundle({ machine, signer: SIGNER }))).toBe(
      `the bundle of http://a.lab is refused: it is for a machine with ${why}; going on without one`,
    );
  });

  it('and the good one of another server is taken, with a word of the first', async () => {
    const good = bundle({ sequence: 1 });
    expect(await choose([Buffer.from('x'), good])).toMatchObject(took(good, 1));
    expect(warned).toEqual([expect.stringMatching(/^the bundle of http:\/\/a\.lab is refused: .*damaged[^;]*$/)]);
  });
});
