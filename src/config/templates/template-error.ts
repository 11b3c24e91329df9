import { StatectlError } from '../../error.ts';
import { type ConfigFault, formatFault } from '../check/fault.ts';

/** One fault of a template. The same template may render for one node and not for another. */
export interface TemplateFault extends ConfigFault {
  /** The node it was rendered for, where that is known. */
  readonly node?: string;
}

export const formatTemplateFault = (fault: TemplateFault): string =>
  formatFault(fault) + (fault.node === undefined ? '' : ` (node ${fault.node})`);

/** `template-invalid`: what is wrong, line by line. */
export class TemplateError extends StatectlError {
  readonly faults: readonly TemplateFault[];

  constructor(faults: readonly TemplateFault[], cause?: unknown) {
    super('template-invalid', faults.map(formatTemplateFault).join('\n'), {
      cause,
      hint: 'correct the lines above; other templates and nodes are not affected',
    });
    this.faults = faults;
  }
}

/** As messages name a template. */
export const templateFile = (name: string): string => `templates/${name}`;

/** A fault of a template as a whole. */
export const faultOf = (name: string, message: string): TemplateFault => ({
  file: templateFile(name),
  line: 1,
  column: 1,
  message,
});

/** Line and column of an offset, from 1. */
export function positionAt(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
