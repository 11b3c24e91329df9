import { Command } from 'commander';
import { configCheckVerb, configSchemaVerb } from './config-check.ts';
import { configExplainVerb, configShowVerb } from './config-show.ts';

/** `statectl config`: what config.d says, and changes to it. */
export const configCommand = (): Command =>
  new Command('config')
    .description('look at, check and change the settings of machines')
    .addCommand(configCheckVerb())
    .addCommand(configShowVerb())
    .addCommand(configExplainVerb())
    .addCommand(configSchemaVerb());
