import { commandOf, describe, type Step } from '../../src/machine/steps/step.ts';
import { EVERY_KIND } from '../../test/fixtures/steps.ts';
import { page, table } from './markdown.ts';

/** docs/reference/steps.md: one step of each kind, as the log and the plan say it. */
export const stepsPage = (): string =>
  page(
    'Steps',
    `A boot does nothing but steps. \`statectl boot --plan\` prints those of this boot, \`statectl rescue plan\` in the rescue shell, and
\`--json\` gives them as values with these kinds. Here is one of each: what the log says of it, and the command that does the same by
hand; where there is none, only the controller can.`,
    table(
      ['kind', 'for example', 'by hand'],
      Object.values<Step>(EVERY_KIND).map((step) => [`\`${step.kind}\``, describe(step), codeOf(commandOf(step))]),
    ),
  );

/** Two backticks where there is one in it. */
const codeOf = (command: string | undefined): string => {
  if (command === undefined) return '';
  return command.includes('`') ? `\`\` ${command} \`\`` : `\`${command}\``;
};
