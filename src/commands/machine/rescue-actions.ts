import { continueAnswer, type RescueState, retryAnswer } from '../../boot/record/rescue-state.ts';
import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { ANSWER, INITRD_RELEASE, RESCUE_DIR, WAITING } from '../../machine/paths.ts';

/** Shell functions of the initramfs: `leave` leaves every disk clean. */
const SCRIPT = '/etc/rescue.sh';

/**
 * Tells /init, or the breakpoint, that waits how to go on. It looks once a second, and ends every rescue shell then.
 * Gives the sentence for the person.
 */
export async function answerNow(
  { files }: Pick<Host, 'files'>,
  state: RescueState,
  command: 'retry' | 'continue',
  phase?: string,
): Promise<string> {
  await mustBeInitramfs(files);
  const answer = command === 'retry' ? retryAnswer(state, phase) : continueAnswer(state);
  if (!(await files.stat(WAITING)))
    throw new StatectlError('rescue-not-now', 'nobody waits for an answer: the boot is going on', {
      hint: '`statectl rescue log` shows how far it is',
    });
  await files.write(ANSWER, `${answer}\n`);
  if (state.kind === 'break') return `statectl: going on with ${state.phase}\n`;
  return answer === '' ? 'statectl: booting anew\n' : `statectl: booting ${answer.replace('--', '')} on\n`;
}

/** Another shell: on this terminal as a child, or on another console under the same access policy. */
export async function openShell({ files, exec }: Pick<Host, 'files' | 'exec'>, tty?: string): Promise<void> {
  if (tty === undefined) {
    await exec.run(['sh', '-c', 'exec sh -i </dev/tty >/dev/tty 2>&1'], { inherit: true });
    return;
  }
  await mustBeInitramfs(files);
  const name = tty.replace(/^\/dev\//, '');
  if ((await files.stat(`/dev/${name}`))?.type !== 'char')
    throw new StatectlError('usage', `there is no terminal /dev/${name}`, {
      hint: 'consoles are tty1 to tty6, and serial ports: ls /dev/tty*',
    });
  await files.mkdir(RESCUE_DIR, 0o755);
  // Twice: the second forks, so that the shell lives by itself, in a session with that terminal.
  const script = 'setsid setsid -c /bin/rescue-shell extra "$0" <>"/dev/$0" >&0 2>&0';
  const { exitCode } = await exec.run(['sh', '-c', script, name], { inherit: true });
  if (exitCode !== 0) throw new StatectlError('rescue-shell', `no shell on /dev/${name}: it cannot be opened`);
}

/** Reboots or powers off, in the initramfs only: a running system has its own way down, which keeps its data. */
export async function leaveMachine(
  { files, exec }: Pick<Host, 'files' | 'exec'>,
  how: 'reboot' | 'poweroff',
  force: boolean,
): Promise<void> {
  await mustBeInitramfs(files, `use \`systemctl ${how}\` in the running system`);
  await exec.run(force ? [how, '-n', '-f'] : ['sh', '-c', `. ${SCRIPT}; leave ${how}`], { inherit: true });
}

async function mustBeInitramfs(
  files: Pick<Host['files'], 'stat'>,
  hint = 'reboot with statectl.rescue on the kernel command line to get the rescue shell',
): Promise<void> {
  if (!(await files.stat(INITRD_RELEASE)))
    throw new StatectlError('not-initramfs', 'this is not the rescue shell: the system is running', { hint });
}
