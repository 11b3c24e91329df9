import { entryOf } from '../../entry-of.ts';
import { isPattern, patternOf } from '../../name-pattern.ts';
import { nearest } from '../check/suggest.ts';
import { frontMatterRange } from './front-matter-text.ts';
import { faultOf, type TemplateFault, templateFile } from './template-error.ts';
import type { TemplateSet } from './template-set.ts';

/** Without settings between `---` lines a template is only a part of others. */
const isPartial = (text: string | undefined): boolean => text === undefined || frontMatterRange(text) === undefined;

/** The templates of these names or globs, all without partials by default, with the faults of files that were refused. */
export function chooseTemplates({ texts, faults }: TemplateSet, patterns: readonly string[] | undefined) {
  const all = Object.keys(texts).sort();
  if (patterns === undefined) return { names: all.filter((name) => !isPartial(entryOf(texts, name))), faults };
  const chosen = new Set<string>();
  const found: TemplateFault[] = [];
  for (const pattern of patterns) {
    const isGlob = isPattern(pattern) && !Object.hasOwn(texts, pattern);
    const matches = isGlob ? patternOf(pattern) : (name: string) => name === pattern;
    const matching = all.filter(matches);
    const refused = faults.filter(({ file }) => matches(file.slice(templateFile('').length)));
    found.push(...refused);
    if (matching.length === 0 && refused.length === 0) found.push(faultOf(pattern, noTemplate(pattern, all)));
    for (const name of matching)
      if (!isPartial(entryOf(texts, name))) chosen.add(name);
      else if (!isGlob) found.push(faultOf(name, 'is a partial: it does not begin with settings between --- lines'));
  }
  return { names: [...chosen], faults: found };
}

function noTemplate(pattern: string, all: readonly string[]): string {
  const suggestion = nearest(pattern, all);
  return `no template "${pattern}"${suggestion ? `: did you mean "${suggestion}"?` : ''}`;
}
