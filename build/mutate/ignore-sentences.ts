import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';

interface Node {
  readonly type: string;
  readonly callee?: { readonly name?: string };
}

/** Sentences for people: another word in them is no hole in a guard. */
const SENTENCES = new Set(['StatectlError', 'Error', 'describe', 'meta']);

export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'sentences', {
    shouldIgnore(path): string | undefined {
      const { node, parent } = path as unknown as { readonly node: Node; readonly parent?: Node };
      const isText = ['StringLiteral', 'TemplateLiteral', 'ObjectExpression', 'ConditionalExpression'].includes(
        node.type,
      );
      const isOfError = parent?.type === 'NewExpression' && SENTENCES.has(parent.callee?.name ?? '');
      return isText && isOfError ? 'a sentence for people' : undefined;
    },
  }),
];
