import { reasonOf } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { dateArgv, shownTime } from './clock-time.ts';

export interface AskTime {
  readonly servers: readonly string[];
  readonly seconds: number;
  /** Nobody is believed who says an earlier time. */
  readonly floorMs: number;
}

/** A clock that cannot be set is a reason to go on: what it says may do. */
export async function setClock({ toMs }: { readonly toMs: number }, host: Host, boot: TaskContext) {
  const failed = (why: string) => boot.warn(`the clock stays at ${shownTime(host.clock.now())}: ${why}`);
  try {
    const { exitCode, stderr } = await host.exec.run(dateArgv(toMs));
    if (exitCode !== 0) failed(stderr.trim() || `date ended with status ${exitCode}`);
  } catch (error) {
    boot.signal.throwIfAborted();
    failed(reasonOf(error));
  }
}

/** Sets the clock by the first server that answers. Whoever says a time before the initramfs was built lies or is broken. */
export async function askTime({ servers, seconds, floorMs }: AskTime, host: Host, boot: TaskContext) {
  const timeoutMs = seconds * 1000;
  const ask = async (server: string) => {
    const toMs = await host.ntp.ask(server, { timeoutMs, signal: boot.signal });
    if (toMs >= floorMs) return { server, toMs };
    throw new Error(`${server} says ${shownTime(toMs)}, which was before this initramfs was built`);
  };
  try {
    const { server, toMs } = await Promise.any(servers.map(ask));
    await setClock({ toMs }, host, boot);
    boot.say(`it is ${shownTime(toMs)}, ${server} says`);
  } catch (error) {
    boot.signal.throwIfAborted();
    const reasons = error instanceof AggregateError ? error.errors : [error];
    boot.warn(`no time server says what time it is: ${reasons.map(reasonOf).join('; ')}`);
  }
}
