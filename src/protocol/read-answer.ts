import * as z from 'zod/mini';
import { StatectlError } from '../error.ts';

/** What was said as its schema has it, or what is wrong with it, for a sentence that goes on. */
export type Said<T> =
  | { readonly value: T; readonly fault?: undefined }
  | { readonly value?: undefined; readonly fault: string };

const wordsOf = (issue: z.core.$ZodIssue): string => {
  const what = issue.path.length === 0 ? 'it' : `"${issue.path.join('.')}"`;
  if (issue.code === 'invalid_type') return `${what} is missing or no ${issue.expected}`;
  if (issue.code === 'invalid_value')
    return `${what} is not ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
  return `${what} is not as it should be`;
};

/**
 * The one reader of JSON that another side said: a server, a machine, or who signed it. What the schema does not know passes, so
 * that a later version may say more. Pure.
 */
export function readSaid<T>(body: string | Uint8Array, schema: z.core.$ZodType<T>): Said<T> {
  let said: unknown;
  try {
    said = JSON.parse(typeof body === 'string' ? body : Buffer.from(body).toString());
  } catch {
    return { fault: 'it is no JSON' };
  }
  const { success, data, error } = z.safeParse(schema, said);
  return success ? { value: data } : { fault: error.issues.slice(0, 1).map(wordsOf).join('') };
}

/** The answer of a server. Throws `http-answer`, which names who said it and what was expected. */
export function readAnswer<T>(server: string, body: string | Uint8Array, schema: z.core.$ZodType<T>): T {
  const { value, fault } = readSaid(body, schema);
  if (fault === undefined) return value;
  throw new StatectlError('http-answer', `${server} does not answer like a statectl server: ${fault}`, {
    hint: 'does another program listen on this port? `statectl serve` says its address when it starts',
  });
}
