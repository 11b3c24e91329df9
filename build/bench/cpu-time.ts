import { readFileSync } from 'node:fs';

/** USER_HZ, the unit of times in /proc: 100 on every architecture that Debian has a server for. */
const TICKS_PER_SECOND = 100;

/** utime and stime of proc_pid_stat(5), fields 14 and 15, in seconds: of all threads, ended ones too. */
export function parseCpuSeconds(stat: string): number {
  // The program's name, in parentheses, may hold blanks and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** cutime and cstime, fields 16 and 17: of the processes that it started and waited for. */
export function parseChildrenSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

/** What a process has used so far: comparable on a busy machine, where the wall clock is not. */
export const cpuSeconds = (pid: number): number => parseCpuSeconds(readFileSync(`/proc/${pid}/stat`, 'latin1'));

/** What all programs of the machine have used so far, and what its host took away: the first line of proc_stat(5). */
export function parseBusySeconds(stat: string): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = stat.split(/\s+/, 9).map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND;
}

/** Starts to watch the machine's other work; the function tells how many of its processors that took since. */
export function watchOtherWork(): (own: { readonly cpuS: number; readonly wallS: number }) => number {
  const busy = () => parseBusySeconds(readFileSync('/proc/stat', 'latin1'));
  const ourselves = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  const before = busy() - ourselves();
  return ({ cpuS, wallS }) => Math.max(0, busy() - ourselves() - before - cpuS) / wallS;
}
