import { expect, it } from 'vitest';
import type { ConfigFault } from '../../../../src/config/check/fault.ts';
import { loadSettings } from '../../../../src/config/load.ts';
import { readText } from '../../../../src/config/tree/read-text.ts';
import { memoryHost } from '../../../../src/host/memory.ts';

it('the builder names a folder that stands where a file of config.d must be', async () => {
  const host = memoryHost({ files: { '/c/system/boot.conf': { type: 'dir' } } });
  await expect(loadSettings(host, '/c')).rejects.toMatchObject({
    code: 'config-invalid',
    message: 'system/boot.conf:1:1 is a folder: it must be a file',
  });
});

it('a folder for the file of a node stops no other', async () => {
  const host = memoryHost({ files: { '/c/nodes/a.conf': { type: 'dir' }, '/c/nodes/b.conf': '{}' } });
  await expect(loadSettings(host, '/c', 'b')).resolves.toBeDefined();
});

it('a file that is no text is a fault, and one that is not there is none', async () => {
  const faults: ConfigFault[] = [];
  const host = memoryHost({ files: { '/c/a.conf': 'tries: 3', '/c/b.conf': Buffer.from([0xff, 0x00]) } });
  expect(await readText(host, '/c', 'a.conf', faults)).toBe('tries: 3');
  expect(await readText(host, '/c', 'none.conf', faults)).toBeUndefined();
  expect(faults).toEqual([]);
  expect(await readText(host, '/c', 'b.conf', faults)).toBeUndefined();
  expect(faults).toMatchObject([{ file: 'b.conf', message: 'is not UTF-8 text' }]);
});
