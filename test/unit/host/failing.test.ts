import { describe, expect, it } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { type Failure, failingHost, Stopped } from '../../fixtures/hosts/failing.ts';

const machine = () => memoryHost({ files: { '/d/old': 'old' }, programs: { sync: () => '' } });

/** Ten effects, of every kind. */
async function work({ files, exec }: Host): Promise<void> {
  await files.mkdir('/d/new');
  await files.write('/d/new/f', 'text');
  await files.append('/d/new/log', '12345678');
  {
    await using stream = await files.appendStream('/d/new/stream');
    await stream.write(Buffer.from('abcd'));
    await stream.write(Buffer.from('efgh'));
  }
  await files.symlink('f', '/d/new/link');
  await files.chmod('/d/new/f', 0o600);
  await files.rename('/d/new/f', '/d/new/g');
  await files.remove('/d/old');
  await exec.run(['sync']);
}

const EFFECTS = 10;

async function run(failure: Failure) {
  const inner = machine();
  const host = failingHost(inner, failure);
  const error = await work(host).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { inner, host, error };
}

it('lets a test loop over every effect until nothing fails', async () => {
  let at = 1;
  for (; ; at += 1) {
    const { host, error } = await run({ at, how: 'error' });
    if (host.effects < at) break;
    expect(error).toMatchObject({ code: 'EIO' });
  }
  expect(at).toBe(EFFECTS + 1);
});

it('does everything when the failure lies beyond the last effect', async () => {
  const { inner, host, error } = await run({ at: EFFECTS + 1, how: 'stop' });
  expect(error).toBeUndefined();
  expect(host.effects).toBe(EFFECTS);
  expect(await inner.files.list('/d/new')).toEqual(['g', 'link', 'log', 'stream']);
  expect(await inner.files.readText('/d/new/stream')).toBe('abcdefgh');
  expect(inner.commands).toEqual(['sync']);
});

it('fails one effect only, so that what comes after it works', async () => {
  const inner = machine();
  const { files } = failingHost(inner, { at: 2, how: 'error' });
  await files.write('/d/a', '1');
  await expect(files.write('/d/b', '2')).rejects.toMatchObject({ code: 'EIO', path: '/d/b' });
  await files.write('/d/c', '3');
  expect(await inner.files.list('/d')).toEqual(['a', 'c', 'old']);
});

describe('after a power cut', () => {
  it('nothing more is done, but what was done stays and can be read', async () => {
    const inner = machine();
    const { files, exec } = failingHost(inner, { at: 2, how: 'stop' });
    await files.write('/d/a', '1');
    await expect(files.write('/d/b', '2')).rejects.toThrow(Stopped);
    await expect(files.remove('/d/a')).rejects.toThrow(Stopped);
    await expect(files.appendStream('/d/c')).rejects.toThrow(Stopped);
    await expect(exec.run(['sync'])).rejects.toThrow(Stopped);
    expect(await files.list('/d')).toEqual(['a', 'old']);
    expect(inner.commands).toEqual([]);
  });

  it('sleeping throws, so that a retry without end comes to one', async () => {
    const { clock, files } = failingHost(machine(), { at: 1, how: 'stop' });
    await clock.sleep(10);
    await expect(files.chmod('/d/old', 0o600)).rejects.toThrow(Stopped);
    await expect(clock.sleep(10)).rejects.toThrow(Stopped);
  });

  it('a torn append has half of its bytes there, a torn write nothing', async () => {
    const append = await run({ at: 3, how: 'torn' });
    expect(await append.inner.files.readText('/d/new/log')).toBe('1234');
    const stream = await run({ at: 5, how: 'torn' });
    expect(await stream.inner.files.readText('/d/new/stream')).toBe('abcdef');
    expect(stream.error).toBeInstanceOf(Stopped);
    const write = await run({ at: 2, how: 'torn' });
    expect(await write.inner.files.list('/d/new')).toEqual([]);
  });
});
