import type { Files } from '../host.ts';

/**
 * When a process started: field 22 of /proc/PID/stat (proc(5)), which within one boot tells it from a later one with the same
 * number. undefined: there is no such process.
 */
export async function processStart(files: Pick<Files, 'readText'>, pid: string | number): Promise<string | undefined> {
  try {
    const stat = await files.readText(`/proc/${pid}/stat`);
    // The name in parentheses before may have blanks and parentheses of its own.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
