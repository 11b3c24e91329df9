import { describe, expect, it } from 'vitest';
import { bundleFolder, keepBundle, readKeptBundle } from '../../../src/fetch/kept-bundle.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { LARGEST_BUNDLE_BYTES, unpackMembers } from '../../../src/signed/bundle/archive.ts';
import { sha256Of } from '../../../src/signed/bundle/manifest.ts';
import { verifyBundle } from '../../../src/signed/bundle/verify.ts';
import { createBundle } from '../../fixtures/bundle.ts';
import { TRUSTED_KEY } from '../../fixtures/image/image.ts';

const HOME = '/disk/bundle';
const TRUSTED = [TRUSTED_KEY.publicPem];
const [OLD, NEW] = [createBundle({ sequence: 1 }), createBundle({ sequence: 2 })].map(({ archive }) => ({
  archive,
  sha256: sha256Of(archive),
  digest: verifyBundle(unpackMembers(archive), TRUSTED).digest,
})) as [Made, Made];
interface Made {
  readonly archive: Buffer;
  readonly sha256: string;
  readonly digest: string;
}

async function keeping(...bundles: readonly Made[]) {
  const host = memoryHost({ files: { '/ram': { type: 'dir' }, '/disk': { type: 'dir' } } });
  for (const { archive, ...made } of bundles) {
    await host.files.write('/ram/archive', archive);
    await keepBundle(host, HOME, { archive: '/ram/archive', ...made });
  }
  return host;
}

describe('a bundle that an earlier boot kept', () => {
  it('is the one that the pointer names, and it alone lies there', async () => {
    const host = await keeping(OLD, NEW);
    expect((await readKeptBundle(host, HOME, TRUSTED))?.digest).toBe(NEW.digest);
    expect((await host.files.list(HOME)).toSorted()).toEqual([NEW.digest, 'current'].toSorted());
    expect((await host.files.stat(`${bundleFolder(HOME, NEW.digest)}/settings.json`))?.mode).toBe(0o600);
  });

  it('is none before the first, and takes nothing away that is no bundle', async () => {
    const host = await keeping();
    expect(await readKeptBundle(host, HOME, TRUSTED)).toBeUndefined();
    const others = [`${OLD.digest}.copy`, `x${OLD.digest}`];
    await host.files.mkdir(HOME, 0o700);
    for (const name of others) await host.files.write(`${HOME}/${name}`, '');
    await host.files.write('/ram/archive', NEW.archive);
    await keepBundle(host, HOME, { archive: '/ram/archive', sha256: NEW.sha256, digest: NEW.digest });
    expect(await host.files.list(HOME)).toEqual(expect.arrayContaining(others));
  });

  it('is not another that was signed as well, under its name: an old one would come back', async () => {
    const host = await keeping(NEW);
    const old = await keeping(OLD);
    for (const name of [
      'manifest.json',
      'manifest.json.sig',
      'bundle.cert.json',
      'bundle.cert.json.sig',
      'config.json',
    ]) {
      const data = await old.files.read(`${bundleFolder(HOME, OLD.digest)}/${name}`);
      await host.files.write(`${bundleFolder(HOME, NEW.digest)}/${name}`, data);
    }
    await expect(readKeptBundle(host, HOME, TRUSTED)).rejects.toMatchObject({
      code: 'bundle-damaged',
      message: expect.stringContaining('/current names another'),
    });
  });

  it.each([
    ['one file', ['config.json']],
    ['files of which each is small enough', ['files/a', 'files/b']],
  ])('is not read into memory where it has more than a bundle can have: %s', async (_, names) => {
    const host = await keeping(NEW);
    const data = Buffer.alloc(Math.ceil(LARGEST_BUNDLE_BYTES / names.length) + 1);
    for (const name of names) await host.files.write(`${bundleFolder(HOME, NEW.digest)}/${name}`, data);
    let readBytes = 0;
    const read = async (path: string) => {
      const found = await host.files.read(path);
      readBytes += found.length;
      return found;
    };
    await expect(readKeptBundle({ files: { ...host.files, read } }, HOME, TRUSTED)).rejects.toMatchObject({
      message: expect.stringContaining('has more than a bundle can have'),
    });
    expect(readBytes).toBeLessThanOrEqual(LARGEST_BUNDLE_BYTES);
  });
});

describe('a bundle that was verified', () => {
  it.each([
    ['another that was signed as well', OLD.archive],
    ['nothing', Buffer.alloc(0)],
  ])('is not kept where the archive is %s by then, and the one before stays', async (_, archive) => {
    const host = await keeping(OLD);
    await host.files.write('/ram/archive', archive);
    await expect(keepBundle(host, HOME, { ...NEW, archive: '/ram/archive' })).rejects.toMatchObject({
      code: 'bundle-damaged',
      message: expect.stringContaining('changed after it was verified'),
    });
    expect((await readKeptBundle(host, HOME, TRUSTED))?.digest).toBe(OLD.digest);
  });
});
