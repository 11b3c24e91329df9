import { entryOf } from '../../entry-of.ts';
import type { InstallFacts } from '../facts/system-facts.ts';
import type { Step } from '../steps/step.ts';
import type { MainFile } from './main-files.ts';

/** Pure. */
export function planMainFile(file: MainFile, texts: InstallFacts['mainFiles'] = {}): readonly Step[] {
  const [path = ''] = file.paths;
  const content = entryOf(texts, path);
  return content === undefined ? [] : [{ kind: 'write', path, content, mode: file.mode }];
}
