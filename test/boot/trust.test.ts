import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeManifest } from '../../src/signed/image-manifest.ts';
import { type InitramfsFile, initramfsWith } from '../fixtures/vm/images/initramfs.ts';
import { signAsDemo } from '../fixtures/vm/images/tiny-system.ts';
import { bootMachine, type Machine } from './lab/machine.ts';
import { PATHS, type ServedImages, serveImages } from './lab/serve-images.ts';

/** Short patience, so that a test does not wait for what will not come. */
const IMPATIENT = { 'config.d/controller/cserver.info.conf': 'tries: 2\nstall: 2s\n' };

describe('a machine whose server goes wrong in every way, one after the other', () => {
  let server: ServedImages;
  let initramfs: InitramfsFile;
  let vm: Machine;

  beforeAll(async () => {
    server = await serveImages('tiny');
    initramfs = await initramfsWith(IMPATIENT);
    server.fault(PATHS.signature, { kind: 'flip', atByte: 10 });
    vm = await bootMachine({ server, initramfs: initramfs.file, panic: '', expects: 'trouble' });
  });
  afterAll(async () => {
    await vm[Symbol.asyncDispose]();
    await initramfs[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  /** The failure of this try; then the prompt is opened, nothing is found mounted, and the next try begins. */
  async function refusal() {
    const failed = await vm.event('failed');
    await vm.rescueShell();
    expect(await vm.shell('cat /proc/mounts')).not.toMatch(/ \/run\/statectl\/image | \/sysroot /);
    return failed;
  }

  const tryAgainWith = (setUp: () => void) => {
    server.heal();
    setUp();
    vm.type('exit\n');
  };

  test('refuses an image whose signature is wrong', async () => {
    const failed = await refusal();
    expect(failed).toMatchObject({ phase: 'bundle', code: 'manifest-unsigned' });
    expect(failed.text).toContain('none of the 1 trusted keys signed');
    expect(failed.hint).toContain('sign the image with the key it trusts');
  });

  test('says that the server answers 404', async () => {
    tryAgainWith(() => server.fault(PATHS.boot, { kind: 'status', status: 404 }));
    expect(await refusal()).toMatchObject({
      phase: 'bundle',
      text: expect.stringMatching(/\/v1\/boot\S+ answered 404/),
    });
  });

  test('says that the server answers 500', async () => {
    tryAgainWith(() => server.fault(PATHS.boot, { kind: 'status', status: 500 }));
    expect(await refusal()).toMatchObject({
      phase: 'bundle',
      text: expect.stringMatching(/\/v1\/boot\S+ answered 500/),
    });
  });

  test('does not wait for ever for a server that takes the request and says nothing', async () => {
    tryAgainWith(() => server.fault(PATHS.boot, { kind: 'hang' }));
    expect(await refusal()).toMatchObject({ phase: 'bundle', code: 'server-stalled' });
  });

  test('refuses an image that was built for another kernel, and says what to boot', async () => {
    const text = writeManifest({ ...server.manifest, kernelRelease: '5.10.0-0-other' });
    const signature = await signAsDemo(text);
    tryAgainWith(() => {
      server.fault(PATHS.manifest, { kind: 'body', body: Buffer.from(text) });
      server.fault(PATHS.signature, { kind: 'body', body: signature });
    });
    const failed = await refusal();
    expect(failed).toMatchObject({ phase: 'slot', code: 'kernel-mismatch' });
    expect(failed.text).toContain('was built for 5.10.0-0-other');
    expect(failed.hint).toContain('boot the kernel and initramfs of that image');
  });

  test('refuses an image of which one byte changed on the way, and keeps nothing of it', async () => {
    tryAgainWith(() => server.fault(PATHS.blob, { kind: 'flip', atByte: server.manifest.root.sizeBytes >> 1 }));
    const failed = await refusal();
    expect(failed).toMatchObject({ phase: 'update', code: 'download-wrong' });
    expect(failed.text).toContain(`the signed manifest says ${server.manifest.root.sha256}`);
    expect(await vm.shell('ls -A /run/initramfs/image')).toBe('');
  });

  test('refuses an image that ends too early', async () => {
    tryAgainWith(() => server.fault(PATHS.blob, { kind: 'short', bytes: 100_000 }));
    const failed = await refusal();
    expect(failed).toMatchObject({ phase: 'update', code: 'download-failed' });
    expect(failed.text).toMatch(/answered 416 \(\d+ tries in a row\)/);
  });

  test('boots at the next try when the server is well again', async () => {
    tryAgainWith(() => {});
    await vm.event('handed-over');
    await vm.console(/tiny: init/);
  });
});
