import { PARTS, type Part } from '../../src/config/config-dir.ts';
import { CONFIG_FILES } from '../../src/config/settings/files.ts';
import { isLater, LATER_PARTS, NOT_YET } from '../../src/config/settings/later-settings.ts';
import { documentedSettings } from '../../src/config/settings/setting-documents.ts';
import { page, sentence, table } from './markdown.ts';

const FOLDER = 'docs/reference/settings';

/** The files of config.d, what each is for, and whether anything obeys it. */
export const settingsTable = (): string =>
  table(
    ['file', 'its part of the settings', 'what it says'],
    PARTS.map((part) => [
      `[\`${CONFIG_FILES[part].path}\`](settings/${part}.md)`,
      `\`${part}\``,
      `${CONFIG_FILES[part].schema.description}${LATER_PARTS.includes(part) ? ' (not obeyed yet)' : ''}`,
    ]),
  );

/** One page for each file of config.d, out of the schema that checks it. */
export const settingsPages = (): ReadonlyMap<string, string> =>
  new Map(PARTS.map((part) => [`${FOLDER}/${part}.md`, settingsPage(part)]));

function settingsPage(part: Part): string {
  const { path, override, schema } = CONFIG_FILES[part];
  const rows = documentedSettings(schema).map(({ name, usual, description }) => [
    `\`${name}\``,
    usual === undefined ? '' : `\`${usual}\``,
    `${description}${isLater(part, name) && !LATER_PARTS.includes(part) ? ' (**not yet**: no machine obeys it)' : ''}`,
  ]);
  return page(
    path,
    `${sentence(schema.description ?? '')} Over it: \`${override}\`. In a node, a group, \`config set\` and \`statectl.set=\` it is \`${part}\`.`,
    ...(LATER_PARTS.includes(part) ? [`**Not yet:** ${NOT_YET}.`] : []),
    table(['setting', 'default', 'meaning'], rows),
  );
}
