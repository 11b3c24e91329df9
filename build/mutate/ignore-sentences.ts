import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';

interface Path {
  readonly node: { readonly type: string; readonly callee?: { readonly name?: string } };
  readonly parentPath?: Path;
}

const TEXTS = ['StringLiteral', 'TemplateLiteral'];
const ERRORS = ['StatectlError', 'Error'];

/** What an error says to people: other words there are no hole in a guard. */
export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'sentences', {
    shouldIgnore(path): string | undefined {
      const { node, parentPath: call } = path as unknown as Path;
      if (!call || ![...TEXTS, 'ObjectExpression', 'ConditionalExpression'].includes(node.type)) return undefined;
      const isOfError = call.node.type === 'NewExpression' && ERRORS.includes(call.node.callee?.name ?? '');
      const isThrown = call.node.type === 'CallExpression' && call.parentPath?.node.type === 'ThrowStatement';
      return isOfError || isThrown ? 'a sentence for people' : undefined;
    },
  }),
];
