import { resolve } from 'node:path';
import { type Node, SyntaxKind } from 'typescript/unstable/ast';
import { isBinaryExpression, isDeleteExpression, isElementAccessExpression } from 'typescript/unstable/ast/is';
import { API } from 'typescript/unstable/sync';
import { expect, it } from 'vitest';

/** The one place that may: it asks whose the key is. */
const ALLOWED = 'src/entry-of.ts';

/** `record[text] = …` and `delete` mean a key of the object itself; every other use of `record[text]`, and `text in record`, finds inherited ones. */
function lookups(root: Node): readonly { readonly node: Node; readonly key: Node }[] {
  const found: { readonly node: Node; readonly key: Node }[] = [];
  const walk = (node: Node, parent?: Node): void => {
    const isWritten =
      parent &&
      (isDeleteExpression(parent) ||
        (isBinaryExpression(parent) && parent.left === node && parent.operatorToken.kind === SyntaxKind.EqualsToken));
    if (isElementAccessExpression(node) && !isWritten) found.push({ node, key: node.argumentExpression });
    if (isBinaryExpression(node) && node.operatorToken.kind === SyntaxKind.InKeyword)
      found.push({ node, key: node.left });
    node.forEachChild((child) => walk(child, node));
  };
  walk(root);
  return found;
}

function lookupsByText(project: string, isMeant: (file: string) => boolean): readonly string[] {
  const api = new API({});
  try {
    const [opened] = api.updateSnapshot({ openProject: resolve(project) }).getProjects();
    if (!opened) throw new Error(`${project} cannot be opened`);
    const { program, checker } = opened;
    return program
      .getSourceFileNames()
      .filter(isMeant)
      .flatMap((file) => {
        const source = program.getSourceFile(file);
        if (!source) return [];
        const found = lookups(source);
        const types = found.length === 0 ? [] : checker.getTypeAtLocation(found.map(({ key }) => key));
        return found.flatMap(({ node }, at) => {
          const type = types[at];
          // A number, a union of words, a symbol: nobody's text.
          if (!type || !/^(?:string|`.*`|any|unknown)$/.test(checker.typeToString(type))) return [];
          const line = source.text.slice(0, node.getStart()).split('\n').length;
          return [`${file.slice(resolve('.').length + 1)}:${line} ${source.text.slice(node.getStart(), node.end)}`];
        });
      });
  } finally {
    api.close();
  }
}

it('no object is indexed by a text that somebody else wrote, but by entryOf', { timeout: 120_000 }, () => {
  const src = `${resolve('src')}/`;
  const found = lookupsByText('tsconfig.json', (file) => file.startsWith(src));
  expect(found.filter((one) => !one.startsWith(ALLOWED))).toEqual([]);
  // It does see them.
  expect(found).toHaveLength(1);
});
