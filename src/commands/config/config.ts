import { Command } from 'commander';
import { configCheckVerb, configSchemaVerb } from './config-check.ts';
import { configDiffVerb } from './config-diff.ts';
import { configEditVerb } from './config-edit.ts';
import { configEpochVerb } from './config-epoch.ts';
import { configExplainVerb, configShowVerb } from './config-show.ts';
import { configLogVerb, configSetVerb, configUndoVerb } from './config-write.ts';

/** `statectl config`: what config.d says, and changes to it. */
export const configCommand = (): Command =>
  new Command('config')
    .description('look at, check and change the settings of machines')
    .addCommand(configCheckVerb())
    .addCommand(configShowVerb())
    .addCommand(configExplainVerb())
    .addCommand(configSetVerb())
    .addCommand(configEditVerb())
    .addCommand(configDiffVerb())
    .addCommand(configLogVerb())
    .addCommand(configUndoVerb())
    .addCommand(configEpochVerb())
    .addCommand(configSchemaVerb())
    .addHelpText(
      'after',
      `
Examples:
  statectl config check                                       every file, and what each machine would get
  statectl config explain boot.image --node print13           what a setting is, and who says it
  statectl config set tmpfs./tmp.size 30% --in nodes/klipper.conf
  statectl config diff HEAD~1 HEAD                            what changed for which machines
  statectl config undo                                        take the last change back`,
    );
