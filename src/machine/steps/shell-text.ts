import { shellLine, shellQuote } from '../../host/shell-line.ts';

/** A file that cannot be written is no reason not to boot. */
export const tolerant = (path: string, commands: readonly string[]): string =>
  `( ${commands.join(' && ')} ) || ${shellLine(['echo', `not as it should be: ${path}`])}`;

export const digestCheck = (sha256: string, path: string): string =>
  `echo ${shellQuote(`${sha256}  ${path}`)} | sha256sum -c`;

export const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
