import * as z from 'zod/mini';
import { readSaid } from './read-answer.ts';

/** An error for a program: RFC 9457, `application/problem+json`. Proxies before a server say less than it does. */
export const Problem = z.object({
  type: z.optional(z.string()),
  title: z.optional(z.string()),
  status: z.optional(z.number()),
  detail: z.optional(z.string()),
  /** What to do next. */
  hint: z.optional(z.string()),
});
export type Problem = z.infer<typeof Problem>;

/** The sentence of a problem, to be put behind another one with a colon; empty where there is none. */
export function detailOf(body: string | Uint8Array): string {
  const { detail, title } = readSaid(body, Problem).value ?? {};
  const text = detail ?? title ?? '';
  return text === '' ? '' : `: ${text}`;
}
