import { expect, it } from 'vitest';
import { type FileCalls, linuxFiles, type OpenFile } from '../../../src/host/linux/files.ts';
import { promptCalls } from '../../../src/host/linux/prompt-calls.ts';
import { systemError } from '../../../src/host/system-error.ts';

/** A kernel that keeps nothing and tells what it was asked, in order; a call may fail. */
function recording(fails: Partial<Record<'chmod' | 'sync', NodeJS.ErrnoException>> = {}) {
  const asked: string[] = [];
  const ask = async (call: string, error?: NodeJS.ErrnoException) => {
    asked.push(call);
    if (error) throw error;
  };
  const opened = (name: string): OpenFile => ({
    chmod: (mode) => ask(`chmod ${name} ${mode.toString(8)}`, fails.chmod),
    read: async () => ({ bytesRead: 0 }),
    sync: () => ask(`sync ${name}`, fails.sync),
    writeFile: () => ask(`write ${name}`),
    close: () => ask(`close ${name}`),
    [Symbol.asyncDispose]: () => ask(`close ${name}`),
  });
  const nameOf = (path: string) => (path.endsWith('.tmp') ? 'temporary' : path);
  const calls: FileCalls = {
    ...promptCalls,
    open: async (path) => opened(nameOf(path)),
    rename: (_from, to) => ask(`rename ${to}`),
    rm: (path) => ask(`rm ${nameOf(path)}`),
  };
  return { files: linuxFiles(calls), asked };
}

it('a file has its name only when its bytes are on the disk, and its name is there when the call returns', async () => {
  const { files, asked } = recording();
  await files.write('/d/f', 'text');
  expect(asked).toEqual([
    'write temporary',
    'chmod temporary 644',
    'sync temporary',
    'close temporary',
    'rename /d/f',
    'sync /d',
    'close /d',
  ]);
});

it('a stream is on the disk, with its name, when it is closed', async () => {
  const { files, asked } = recording();
  const stream = await files.appendStream('/d/f');
  await stream.write(Buffer.from('x'));
  await stream.close();
  expect(asked).toEqual(['write /d/f', 'sync /d/f', 'close /d/f', 'sync /d', 'close /d']);
});

it('a file system without modes takes a file that asks for none, and never a secret', async () => {
  const { files, asked } = recording({ chmod: systemError('EPERM', 'fchmod', '/d/f') });
  await files.write('/d/f', 'text');
  expect(asked).toContain('rename /d/f');
  asked.length = 0;
  await expect(files.write('/d/secret', 'text', { mode: 0o600 })).rejects.toMatchObject({ code: 'EPERM' });
  expect(asked).not.toContain('rename /d/secret');
  expect(asked.at(-1)).toBe('rm temporary');
});

it('a disk that does not take the bytes takes no name, and one without fsync takes both', async () => {
  const broken = recording({ sync: systemError('EIO', 'fsync', '/d/f') });
  await expect(broken.files.write('/d/f', 'text')).rejects.toMatchObject({ code: 'EIO' });
  expect(broken.asked).not.toContain('rename /d/f');
  const without = recording({ sync: systemError('EINVAL', 'fsync', '/d/f') });
  await without.files.write('/d/f', 'text');
  expect(without.asked).toContain('rename /d/f');
});
