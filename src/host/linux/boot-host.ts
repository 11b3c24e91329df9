import type { Host } from '../host.ts';
import { bootConsole } from './boot-console.ts';
import { linuxFiles } from './files.ts';
import { linuxHost } from './host.ts';
import { leanHttp } from './http/lean-http.ts';
import { leanExec } from './lean-exec.ts';
import { promptCalls } from './prompt-calls.ts';

/** The real machine as the initramfs sees it: the same ports, with adapters that cost a starting machine less. */
export const bootHost = (): Host => ({
  ...linuxHost(),
  // Long streams are written by a thread: a slow disk must not stand in the way of the network and its timers.
  files: { ...linuxFiles(promptCalls), appendStream: linuxFiles().appendStream },
  exec: leanExec(),
  http: leanHttp(),
  console: bootConsole(),
});
