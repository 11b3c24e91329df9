import type { Files, Host } from './host.ts';
import { systemError } from './system-error.ts';

/** Thrown by what comes after the power cut. Not a StatectlError: nothing in the product may know what to do about it. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

export interface Failure {
  /** Which effect, counted from 1. */
  readonly at: number;
  /**
   * `error`: that one throws EIO, later ones work. `stop`: it and everything after it throw `Stopped`, as if the power had
   * gone just before. `torn`: likewise, but half of the bytes it was to append did get there.
   */
  readonly how: 'error' | 'stop' | 'torn';
}

export interface FailingHost extends Host {
  /** Effects asked for so far: when this is less than `at` in the end, nothing failed, and a loop over `at` is done. */
  readonly effects: number;
  /** Each, as its message names it: `write /run/x`. */
  readonly asked: readonly string[];
}

/**
 * Fails or stops at the k-th effect: files.write, append, mkdir, symlink, rename, remove, chmod, each write of an
 * appendStream, exec.run. Reads always pass; once stopped, sleeping throws too, so that no retry goes on for ever.
 */
export function failingHost(host: Host, { at, how }: Failure): FailingHost {
  const asked: string[] = [];
  const isStopped = () => how !== 'error' && asked.length >= at;

  async function effect<T>(
    call: string,
    path: string,
    act: () => Promise<T>,
    tear?: () => Promise<unknown>,
  ): Promise<T> {
    const effects = asked.push(`${call} ${path}`);
    if (effects === at && how === 'torn') await tear?.();
    if (isStopped()) throw new Stopped(`stopped at effect ${at}, asked for: ${call} ${path}`);
    if (effects === at) throw systemError('EIO', call, path);
    return await act();
  }

  const { files } = host;
  const half = (data: string | Uint8Array): Uint8Array => Buffer.from(data).subarray(0, Buffer.byteLength(data) >> 1);
  const failingFiles: Files = {
    ...files,
    write: (path, data, options) => effect('write', path, () => files.write(path, data, options)),
    append: (path, data) =>
      effect(
        'append',
        path,
        () => files.append(path, data),
        () => files.append(path, half(data)),
      ),
    mkdir: (path, mode) => effect('mkdir', path, () => files.mkdir(path, mode)),
    symlink: (target, path) => effect('symlink', path, () => files.symlink(target, path)),
    rename: (from, to) => effect('rename', to, () => files.rename(from, to)),
    remove: (path) => effect('remove', path, () => files.remove(path)),
    chmod: (path, mode) => effect('chmod', path, () => files.chmod(path, mode)),
    async appendStream(path) {
      if (isStopped()) throw new Stopped(`stopped at effect ${at}, asked for: open ${path}`);
      const stream = await files.appendStream(path);
      return {
        write: (chunk) =>
          effect(
            'append',
            path,
            () => stream.write(chunk),
            () => stream.write(half(chunk)),
          ),
        close: () => stream.close(),
        [Symbol.asyncDispose]: () => stream.close(),
      };
    },
  };

  return {
    ...host,
    files: failingFiles,
    exec: { run: (argv, options) => effect('run', argv.join(' '), () => host.exec.run(argv, options)) },
    clock: {
      ...host.clock,
      async sleep(ms, signal) {
        if (isStopped()) throw new Stopped(`stopped at effect ${at}, asked for: sleep`);
        await host.clock.sleep(ms, signal);
      },
    },
    asked,
    get effects() {
      return asked.length;
    },
  };
}
