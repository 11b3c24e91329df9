import type { z } from 'zod';
import { keysAt, settingSchema } from '../settings/setting-schema.ts';
import { originOf, plainOf, type Tree, treeAt } from '../tree/tree.ts';
import { type ConfigFault, faultAt } from './fault.ts';
import { nearest } from './suggest.ts';

/** A schema's complaints, each where its value was said. `tree` is what was checked. */
export function schemaFaults(error: z.ZodError, tree: Tree, schema: z.ZodType): readonly ConfigFault[] {
  return error.issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [faultAt(originOf(tree, issue.path), issueMessage(issue))];
    const kind = treeAt(tree, [...issue.path, 'kind']);
    const known = keysAt(settingSchema(schema), issue.path, kind && plainOf(kind));
    return issue.keys.map((key) => faultAt(originOf(tree, [...issue.path, key]), unknownKey(key, known)));
  });
}

/** What zod loses in silence, since an object of JavaScript cannot simply have it: a name that would then not count. */
export function lostKeys(tree: Tree): readonly ConfigFault[] {
  if (tree.kind === 'list') return tree.items.flatMap(lostKeys);
  if (tree.kind === 'leaf') return [];
  const lost = tree.entries.get('__proto__');
  return [
    ...(lost ? [faultAt(lost.origin, 'nothing can have the name "__proto__"')] : []),
    ...[...tree.entries.values()].flatMap(lostKeys),
  ];
}

export function unknownKey(key: string, known: readonly string[]): string {
  const suggestion = nearest(key, known);
  const rest = suggestion
    ? `: did you mean "${suggestion}"?`
    : known.length > 0
      ? `; known are ${known.join(', ')}`
      : '';
  return `unknown key "${key}"${rest}`;
}

const issueMessage = (issue: z.core.$ZodIssue): string => {
  const name = issue.path.length > 0 ? `"${issue.path.join('.')}": ` : '';
  return `${name}${issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message}`;
};
