import { allArguments, type CommandLine } from '../../config/command-line/command-line.ts';
import type { Config } from '../../config/config.ts';
import type { LoadedSettings } from '../../config/load.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { settingsPart } from '../../on-demand.ts';

/** `statectl.set=PATH=VALUE` wins over every file. A wrong one is told and left out. */
export async function withSettings(
  { config: merged, settings }: LoadedSettings,
  commandLine: CommandLine,
  boot: Pick<TaskContext, 'warn'>,
): Promise<Config> {
  const words = allArguments(commandLine, 'statectl.set');
  if (words.length === 0) return merged;
  const { withSetArguments } = await settingsPart();
  const { config: changed, faults } = withSetArguments(settings, words);
  for (const fault of faults) boot.warn(fault);
  return changed ?? merged;
}
