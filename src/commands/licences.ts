import { getAsset, isSea } from 'node:sea';
import { brotliDecompressSync } from 'node:zlib';
import { Command } from 'commander';
import { parseRecord } from '../host/record.ts';
import { NOTICES_ASSET, type Notices, type Part } from '../notices.ts';
import { asciiTable } from './ascii-table.ts';
import { printContent } from './print.ts';

/** Those of this executable, made when it was built; in a checkout those of the one that would be built. */
async function readNotices(): Promise<Notices> {
  if (isSea()) return parseRecord<Notices>(brotliDecompressSync(Buffer.from(getAsset(NOTICES_ASSET))).toString(), {});
  const { makeNotices } = await import('../../build/licences/notices.ts');
  return makeNotices();
}

const RULE = '='.repeat(100);

/** Parts with the same text share it. */
function sharedTexts(parts: readonly Part[]): readonly (readonly [names: string, notice: string])[] {
  const byText = Map.groupBy(parts, ({ notice }) => notice);
  return [...byText].map(([notice, same]) => [
    same.map(({ name, version }) => `${name} ${version}`).join(', '),
    notice,
  ]);
}

function noticesText({ name, version, licence, whole, terms, parts }: Notices): string {
  const contained = parts.flatMap((part) =>
    part.contains.map((inner) => [inner.name, `in ${part.name}`, inner.licence]),
  );
  return `${name} ${version}: copyright (C) its authors, ${licence}.

This executable is the program together with Node.js and the packages below, some of them under the Apache License 2.0,
which goes together with version 3 of the GNU General Public License and not with version 2. As a whole it is conveyed to
you under ${whole}: you may pass it on, changed or not, under version 3 of the GPL or any later one, whose text stands at
the end; there is no warranty. The program's own source may be used under version 2 as well.

What this executable builds, serves or boots is not part of it, and not told of here: in an initramfs are busybox,
libraries, tools and firmware of Debian packages, or of your own tree, and the kernel's modules; in an image all that was
installed into it. Whoever passes those on owes their notices too (in a Debian system /usr/share/doc/PACKAGE/copyright) and,
for what is under the GPL, their source.

${asciiTable([
  ['PART', 'VERSION', 'LICENCE'],
  ...parts.map((part) => [part.name, part.version, part.licence]),
  ...contained,
])}
What Node.js names among these and is only in its sources (such as npm and gtest) is told of as well.

${sharedTexts(parts)
  .map(([names, notice]) => `${RULE}\n${names}\n${RULE}\n\n${notice.trim()}\n`)
  .join('\n')}
${RULE}
The GNU General Public License, version 3
${RULE}

${terms}`;
}

/** `statectl licences`: what has to be passed on with the executable. */
export const licencesCommand = (): Command =>
  new Command('licences')
    .alias('licenses')
    .description('the licence of this program and of all that is in it, with their notices')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  statectl licences | less\n  statectl licences --json')
    .action(async ({ json }: { readonly json?: true }) => {
      const notices = await readNotices();
      printContent(json ? `${JSON.stringify(notices, null, 2)}\n` : noticesText(notices));
    });
