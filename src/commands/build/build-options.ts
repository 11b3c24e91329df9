import { constants } from 'node:os';
import { resolve } from 'node:path';
import { Option } from 'commander';
import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { linuxHost } from '../../host/linux/host.ts';
import { type Caller, sudoCaller } from '../../image/for-caller.ts';
import { COMPRESSION_NAMES } from '../../image/squashfs.ts';

/** `a, b,c` → words. */
export const list = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean);

/** A path, from the folder that the person is in. */
export const path = (text: string): string => resolve(text);

/** An option for a path, whose default is shown as it would be typed. */
export const pathOption = (flags: string, what: string, usual: string): Option =>
  new Option(flags, what).default(path(usual), usual).argParser(path);

export const keysOption = (what = "the builder's keys; the image key is made there on first need"): Option =>
  pathOption('--keys <dir>', what, './keys');

export const compressionOption = (flags: string, what: string): Option =>
  new Option(flags, what).choices(COMPRESSION_NAMES);

/**
 * A host whose programs end at Ctrl-C and `kill`, so that the builder removes what is half made before it ends itself. The
 * second Ctrl-C ends it at once.
 */
export function interruptibleHost(): Host {
  const host = linuxHost();
  const abort = new AbortController();
  // Not `once`: execa ends the process itself when it finds no other listener left.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      if (abort.signal.aborted) process.exit(128 + constants.signals[name]);
      abort.abort(new StatectlError('interrupted', `stopped by ${name}; nothing was changed`));
    });
  const { signal } = abort;
  return { ...host, exec: { run: (argv, options) => host.exec.run(argv, { signal, ...options }) } };
}

/** Who called this program by sudo. */
export const caller = (): Caller | undefined => sudoCaller(process.env, process.getuid?.());
