import type { PrinterState } from '../../../config/config.ts';

/** A file of the environment of a service, as KIAUH and MainsailOS have it, and the program without which it is of no use. */
export interface EnvironmentFile {
  readonly path: string;
  readonly program: string;
  readonly content: string;
}

/** It is split at blanks, and read by systemd, and by a shell under OpenRC. */
const PLAIN = /^[\w@%+,./:=-]+$/;

const HEAD =
  '# Made by statectl at a boot that found none. Yours from now on: it is never written again while it is there.\n';

/** What Klipper and Moonraker of a printer are started with. Nothing where a path has what no such file can say. Pure. */
export function environmentFiles({
  data,
  socket = `${data}/comms/klippy.sock`,
  programs,
}: PrinterState): readonly EnvironmentFile[] {
  const klippy = `${programs.klipper}/klippy/klippy.py`;
  const moonraker = `${programs.moonraker}/moonraker/moonraker.py`;
  const klipperArgs = [
    ...[klippy, `${data}/config/printer.cfg`],
    ...['-I', `${data}/comms/klippy.serial`, '-l', `${data}/logs/klippy.log`, '-a', socket],
  ];
  const files = [
    { name: 'klipper', program: klippy, text: `KLIPPER_ARGS="${klipperArgs.join(' ')}"\n`, words: klipperArgs },
    {
      ...{ name: 'moonraker', program: moonraker, text: `MOONRAKER_ARGS="${moonraker} -d ${data}"\n` },
      words: [moonraker, data],
    },
  ];
  return files
    .filter(({ words }) => words.every((word) => PLAIN.test(word)))
    .map(({ name, program, text }) => ({ path: `${data}/systemd/${name}.env`, program, content: HEAD + text }));
}
