import type { TemplateContext } from '../../../../src/config/templates/context.ts';
import type { Limits } from '../../../../src/config/templates/limits.ts';
import { renderTemplates } from '../../../../src/config/templates/render.ts';
import { formatTemplateFault } from '../../../../src/config/templates/template-error.ts';
import { templateSet } from '../../../../src/config/templates/template-set.ts';

export const CONTEXT: TemplateContext = {
  node: { name: 'print-01', mac: '52:54:00:12:34:56', groups: ['printers', 'lab'] },
  metadata: { room: 'b 12', nozzle: { size: 0.4 }, spare: null },
  config: { boot: { image: 'lab' } },
};

/** Renders every template of these; `path`s and faults as text. */
export function render(
  texts: Readonly<Record<string, string>>,
  context: Partial<TemplateContext> = {},
  limits: Partial<Limits> = {},
) {
  const set = templateSet(Object.entries(texts));
  const { files, faults } = renderTemplates(set, undefined, { ...CONTEXT, ...context }, limits);
  return {
    files,
    contents: Object.fromEntries(files.map(({ path, template, content }) => [path ?? template, content])),
    faults: faults.map(({ node: _node, ...fault }) => formatTemplateFault(fault)),
  };
}

export const FRONT = '---\npath: /x\n---\n';

/** What a body gives: its text, or its first fault, whose lines count the three of the settings. */
export function body(
  text: string,
  context: Partial<TemplateContext> = {},
  limits: Partial<Limits> = {},
  partials: Readonly<Record<string, string>> = {},
): string {
  const { contents, faults } = render({ t: FRONT + text, ...partials }, context, limits);
  return faults[0] ?? contents['/x'] ?? 'no file';
}
