import * as z from 'zod/mini';
import { readSaid } from './read-answer.ts';

/** An error for a program: RFC 9457, `application/problem+json`. Proxies before a server say less than it does. */
export const Problem = z.object({
  type: z.exactOptional(z.string()),
  title: z.exactOptional(z.string()),
  status: z.exactOptional(z.number()),
  detail: z.exactOptional(z.string()),
  /** What to do next. */
  hint: z.exactOptional(z.string()),
});
export type Problem = z.infer<typeof Problem>;

/** The sentence of a problem, to be put behind another one with a colon; empty where there is none. */
export function detailOf(body: string | Uint8Array): string {
  const { detail, title } = readSaid(body, Problem).value ?? {};
  const text = detail ?? title ?? '';
  return text === '' ? '' : `: ${text}`;
}
