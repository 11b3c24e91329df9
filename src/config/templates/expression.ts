import { type Template, type Token, TypeGuards, toValueSync, Value } from 'liquidjs';

const { isOperatorToken } = TypeGuards;

/**
 * liquidjs takes `{{ a b }}` for `{{ a }}` and `{% if a == %}` for false. Here they are faults: every operator must have
 * its operands, and one value must come out.
 */
export function checkExpressions(templates: readonly Template[]): void {
  for (const template of templates) {
    for (const argument of template.arguments?.() ?? [])
      if (argument instanceof Value && !isWhole(argument)) throw new BrokenExpression(template.token);
    if (template.children) checkExpressions(toValueSync(template.children(false, true) as never) as Template[]);
  }
}

/** Postfix order: operands push, operators take two, `not` takes one. */
export function isWhole({ initial }: Value): boolean {
  let depth = 0;
  for (const token of initial.postfix) {
    if (!isOperatorToken(token)) depth += 1;
    else if (token.operator === 'not') depth = depth >= 1 ? depth : Number.NEGATIVE_INFINITY;
    else depth = depth >= 2 ? depth - 1 : Number.NEGATIVE_INFINITY;
  }
  return depth === 1;
}

export class BrokenExpression extends Error {
  readonly token: Token;

  constructor(token: Token) {
    super(`cannot be understood: ${token.getText().slice(0, 80)}`);
    this.token = token;
  }
}
