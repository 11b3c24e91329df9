import { COMPILED_CONFIG, type CompiledConfig } from '../../boot/phases/config.ts';
import { readJournal } from '../../boot/record/journal-reader.ts';
import { journalText } from '../../boot/record/journal-text.ts';
import { type RescueState, rescueState } from '../../boot/record/rescue-state.ts';
import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { parseRecord } from '../../host/record.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { redact } from '../../machine/logs/redact.ts';
import { FACTS, INITRD_RELEASE, JOURNAL, REPORT } from '../../machine/paths.ts';
import { printableJson } from '../../printable.ts';
import { print as toStdout } from '../print.ts';
import { parseWords, unknownCommand } from './boot-words.ts';
import { printPlan } from './plan.ts';
import { answerNow, leaveMachine, openShell } from './rescue-actions.ts';
import { flatSettings, rescueOverview } from './rescue-text.ts';

type Print = (text: string) => void;

/** `statectl rescue …`: what can be done when a boot failed. */
export async function rescue(host: Host, words: readonly string[], print: Print = toStdout): Promise<number> {
  const { values, positionals } = parseWords('rescue', {
    args: [...words],
    allowPositionals: true,
    options: { json: { type: 'boolean' }, force: { type: 'boolean' } },
  });
  const [command, argument, ...more] = positionals;
  const takesArgument = command === 'retry' || command === 'shell';
  if (more.length > 0 || (argument !== undefined && !takesArgument))
    throw new StatectlError('usage', `too many words: ${positionals.join(' ')}`, {
      hint: '`statectl rescue --help` shows what there is',
    });
  const { json = false, force = false } = values;
  switch (command) {
    case undefined:
      print(await overview(host, json));
      return 0;
    case 'report':
      print(await mustRead(host, REPORT, 'no boot of this machine failed since it started'));
      return 0;
    case 'log':
      await mustRead(host, JOURNAL, 'statectl did not boot this system');
      print(json ? await host.files.readText(JOURNAL) : redact(journalText(await readJournal(host.files))));
      return 0;
    case 'config':
      print(await settings(host, json));
      return 0;
    case 'plan':
      return printPlan(host, { json });
    case 'retry':
    case 'continue':
      print(await answerNow(host, await stateNow(host), command, argument));
      return 0;
    case 'shell':
      await openShell(host, argument);
      return 0;
    case 'reboot':
    case 'poweroff':
      await leaveMachine(host, command, force);
      return 0;
    default:
      throw unknownCommand('rescue', command);
  }
}

async function stateNow({ files }: Pick<Host, 'files'>): Promise<RescueState> {
  const state = rescueState(await readJournal(files));
  // The controller did its part, and yet this is still the initramfs.
  if (state.kind === 'handed-over' && (await files.stat(INITRD_RELEASE)))
    return {
      kind: 'failed',
      phase: 'handover',
      code: 'switch-failed',
      text: `/init could not hand over to ${state.init}`,
      hint: 'see `dmesg | tail`',
      atMs: state.bootMs,
    };
  return state;
}

async function overview(host: Host, json: boolean): Promise<string> {
  await mustRead(host, JOURNAL, 'statectl did not boot this system');
  const state = await stateNow(host);
  const inInitramfs = (await host.files.stat(INITRD_RELEASE)) !== undefined;
  return json ? `${printableJson({ state, inInitramfs }, 2)}\n` : rescueOverview(state, inInitramfs);
}

/** The settings that this boot went by: config.d with the kernel command line over it; before that, what the builder merged. */
async function settings({ files }: Pick<Host, 'files'>, json: boolean): Promise<string> {
  const facts = await files.readText(FACTS).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EACCES') throw needsRoot(FACTS);
    return '{}';
  });
  const { config } = parseRecord<Partial<Facts>>(facts, {});
  const compiled =
    config ??
    parseRecord<CompiledConfig>(await mustRead({ files }, COMPILED_CONFIG, 'no settings were read yet'), {
      config: 'mapping',
    }).config;
  return redact(json ? `${printableJson(compiled, 2)}\n` : flatSettings(compiled));
}

async function mustRead({ files }: Pick<Host, 'files'>, path: string, otherwise: string): Promise<string> {
  try {
    return await files.readText(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EACCES') throw needsRoot(path);
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
      throw new StatectlError('rescue-nothing', `${path} is not there: ${otherwise}`, {
        cause,
        hint: '`statectl rescue --help` says what works where',
      });
    throw new StatectlError('rescue-unreadable', reasonOf(cause), { cause });
  }
}

const needsRoot = (path: string): StatectlError =>
  new StatectlError('needs-root', `only root may read ${path}`, { hint: 'use sudo or su' });
