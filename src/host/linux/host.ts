import type { Host } from '../host.ts';
import { linuxClock } from './clock.ts';
import { type ConsoleOptions, linuxConsole } from './console.ts';
import { linuxExec } from './exec.ts';
import { linuxFiles } from './files.ts';
import { linuxHttp } from './http/http.ts';
import { linuxNtp } from './ntp.ts';
import { openProgram } from './open-program.ts';
import { openRaw } from './raw-file.ts';
import { linuxSockets } from './sockets.ts';
import { linuxTpm } from './tpm.ts';

/** The machine this runs on. Makes nothing and touches nothing until it is used. */
export const linuxHost = (options: { readonly console?: ConsoleOptions } = {}): Host => ({
  files: linuxFiles(),
  openRaw,
  exec: linuxExec(),
  openProgram,
  http: linuxHttp(),
  sockets: linuxSockets(),
  ntp: linuxNtp(),
  tpm: linuxTpm(),
  clock: linuxClock(),
  console: linuxConsole(options.console),
});
