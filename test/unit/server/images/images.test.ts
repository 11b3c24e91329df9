import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { listImages, removeImage, showImage } from '../../../../src/server/images/images.ts';
import { parseSelector } from '../../../../src/server/images/selector.ts';
import { chooseImage, releaseChoice, useImage } from '../../../../src/server/images/uses.ts';
import { keepReport } from '../../../../src/server/reports/reports.ts';
import { blobsPath } from '../../../../src/server/store/store.ts';
import { temporaryStore } from '../../../fixtures/server/temporary-store.ts';

const MAC = '52:54:00:12:34:56';
const code = (text: string) => expect.objectContaining({ code: text });

const chosen = async (store: Parameters<typeof chooseImage>[0], machine: Parameters<typeof chooseImage>[1]) => {
  const choice = await chooseImage(store, machine);
  return choice.kind === 'image' ? `${choice.image.version} by ${choice.chosenBy}` : choice.why;
};

test('a name alone means its newest version, which stays chosen when a newer one is added', async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  await temporary.add({ version: '20261120.9' });
  await temporary.add({ version: '20261120.10' });
  expect(await useImage(store, 'lab')).toEqual({ name: 'lab', version: '20261120.10' });
  await temporary.add({ version: '20261121.1' });
  expect(await chosen(store, {})).toBe('20261120.10 by default');
  expect((await listImages(store)).map((image) => image.version)).toEqual(['20261121.1', '20261120.10', '20261120.9']);
  expect((await showImage(store, 'lab@20261120.10')).choices).toEqual(['default']);
});

test('the most particular selector wins: MAC, UUID, serial, architecture, default', async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  for (const version of ['1', '2', '3', '4', '5']) await temporary.add({ version });
  const uuid = '4c4c4544-0042-3510-8052-b4c04f4e4d32';
  await useImage(store, 'lab@5');
  await useImage(store, 'lab@4', parseSelector('arch=amd64'));
  await useImage(store, 'lab@3', parseSelector('serial=SN42'));
  await useImage(store, 'lab@2', parseSelector(`uuid=${uuid.toUpperCase()}`));
  await useImage(store, 'lab@1', parseSelector('mac=5254.0012.3456'));
  const machine = { mac: MAC, uuid, serial: 'SN42', arch: 'x86_64' };
  expect(await chosen(store, machine)).toBe(`1 by mac=${MAC}`);
  expect(await chosen(store, { ...machine, mac: '52:54:00:00:00:00' })).toBe(`2 by uuid=${uuid}`);
  expect(await chosen(store, { serial: 'SN42', arch: 'x86_64' })).toBe('3 by serial=SN42');
  expect(await chosen(store, { arch: 'x86_64' })).toBe('4 by arch=x86_64');
  expect(await chosen(store, {})).toBe('5 by default');
});

test('when there is no image for a machine, the reason is said', async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  expect(await chosen(store, { mac: MAC })).toBe('no selector matches it and no default is set');
  await temporary.add();
  await useImage(store, 'lab');
  expect(await chosen(store, { arch: 'aarch64' })).toBe(
    'lab@20261120.1 (default) is for x86_64, this machine is aarch64',
  );
});

test('an image that is not there cannot be used', async () => {
  await using temporary = await temporaryStore();
  await expect(useImage(temporary.store, 'lab')).rejects.toThrow(code('image-unknown'));
  await expect(useImage(temporary.store, 'lab@1')).rejects.toThrow(code('image-unknown'));
});

test('an image in use is not removed; once released it is, with the files that only it had', async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  await temporary.add({ version: '1' });
  await temporary.add({ version: '2' });
  const selector = parseSelector(`mac=${MAC}`);
  await useImage(store, 'lab@1');
  await useImage(store, 'lab@1', selector);
  await expect(removeImage(store, 'lab@1')).rejects.toThrow(`lab@1 is in use: default, mac=${MAC}`);
  await useImage(store, 'lab@2');
  await expect(removeImage(store, 'lab@1')).rejects.toThrow(code('image-in-use'));
  expect(await releaseChoice(store, selector)).toBe(true);
  expect(await releaseChoice(store, selector)).toBe(false);
  expect((await removeImage(store, 'lab@1')).blobs).toHaveLength(1);
  expect(await readdir(blobsPath(store))).toHaveLength(3);
  expect(await releaseChoice(store, 'default')).toBe(true);
  expect((await removeImage(store, 'lab@2')).blobs).toHaveLength(3);
  expect(await listImages(store)).toEqual([]);
});

test('an image that a machine booted last is not removed; one that it booted before is', async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  await temporary.add({ version: '1' });
  await temporary.add({ version: '2' });
  await keepReport(store, { mac: MAC, image: 'lab', version: '1' }, '10.0.0.5');
  await expect(removeImage(store, 'lab@1')).rejects.toThrow('lab@1 runs on 52-54-00-12-34-56');
  await keepReport(store, { mac: MAC, image: 'lab@2' }, '10.0.0.5');
  await removeImage(store, 'lab@1');
  expect((await showImage(store, 'lab')).machines).toEqual(['52-54-00-12-34-56']);
});
