import { describe, expect, test } from 'vitest';
import { memoryHost } from '../../../src/host/memory.ts';
import { imageFolder } from '../../../src/image/image-folder.ts';

const SELF = { '/proc/self': { target: '42' }, '/proc/42/stat': '' };
const EARLIER = { '/out/lab/manifest.json': 'old', '/out/lab/root.squashfs': 'old', '/out/lab/initramfs.img': 'old' };
const hostWith = (files = {}) => memoryHost({ files: { ...SELF, ...files } });

describe('the folder of an image', () => {
  test('is replaced as a whole, and nothing else is left', async () => {
    const host = hostWith(EARLIER);
    {
      await using folder = await imageFolder(host, '/out/lab');
      await host.files.write(`${folder.work}/manifest.json`, 'new');
      expect(await host.files.readText('/out/lab/manifest.json')).toBe('old');
      await folder.publish();
    }
    expect(await host.files.list('/out')).toEqual(['lab']);
    expect(await host.files.list('/out/lab')).toEqual(['manifest.json']);
    expect(await host.files.stat('/out/lab')).toMatchObject({ mode: 0o755 });
  });

  test('is what it was when a build fails', async () => {
    const host = hostWith(EARLIER);
    const build = async () => {
      await using folder = await imageFolder(host, '/out/lab');
      await host.files.write(`${folder.work}/manifest.json`, 'new');
      throw new Error('no room');
    };
    await expect(build()).rejects.toThrow('no room');
    expect(await host.files.list('/out')).toEqual(['lab']);
    expect(await host.files.readText('/out/lab/manifest.json')).toBe('old');
  });

  test('is refused when it holds something else', async () => {
    for (const files of [
      { ...EARLIER, '/out/lab/thesis.odt': 'x' },
      { '/out/lab/initramfs.img': 'x' },
      { '/out/lab': 'a file' },
    ])
      await expect(imageFolder(hostWith(files), '/out/lab')).rejects.toMatchObject({ code: 'out-occupied' });
    for (const files of [{}, { '/out/lab': { type: 'dir' } }]) await imageFolder(hostWith(files), '/out/lab');
  });

  test('is replaced where a link leads, and the link stays', async () => {
    const host = hostWith({ '/srv/lab/manifest.json': 'old', '/out/lab': { target: '/srv/lab' } });
    await using folder = await imageFolder(host, '/out/lab');
    await host.files.write(`${folder.work}/manifest.json`, 'new');
    await folder.publish();
    expect(await host.files.readText('/srv/lab/manifest.json')).toBe('new');
    expect(await host.files.readlink('/out/lab')).toBe('/srv/lab');
  });

  test('comes back after a power cut in the middle of the replacement', async () => {
    const host = hostWith({ '/out/.lab.earlier/manifest.json': 'old' });
    await using _ = await imageFolder(host, '/out/lab');
    expect(await host.files.readText('/out/lab/manifest.json')).toBe('old');
  });

  test('is freed of what a killed build left, and not of what another one works on', async () => {
    const host = hostWith({
      '/out/.lab.building-7/tree/big': 'x',
      '/out/.lab.building-8/tree/big': 'x',
      '/proc/8/stat': '',
    });
    await using _ = await imageFolder(host, '/out/lab');
    expect(await host.files.list('/out')).toEqual(['.lab.building-42', '.lab.building-8']);
    expect(host.lines[0]?.text).toContain('which an interrupted build left');
  });
});
