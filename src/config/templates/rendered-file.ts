import type { TemplateKind } from './front-matter.ts';

export interface RenderedFile {
  /** The template's name. */
  readonly template: string;
  readonly kind: TemplateKind;
  /** Where it goes on the machine; undefined for a text that the server only gives by the template's name. */
  readonly path: string | undefined;
  readonly content: string;
  /** Permission bits. */
  readonly mode: number;
  /** Name or number. */
  readonly owner: string;
  readonly group: string;
  /** May be given to anyone who asks. */
  readonly public: boolean;
}
