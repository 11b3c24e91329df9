import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { entryOf } from '../entry-of.ts';
import { isStatectlError } from '../error.ts';
import type { Problem } from '../protocol/problem.ts';

/** All that a server says of an error; a hint where there is one. */
type ToldProblem = Required<Omit<Problem, 'hint'>> & Pick<Problem, 'hint'>;

export const PROBLEM_TYPE = 'application/problem+json';

/** Our codes that are the caller's business; every other error is 500 and keeps its detail to the server's log. */
export const STATUS_OF: Readonly<Record<string, number>> = {
  'no-image': 404,
  'no-config': 404,
  'template-unknown': 404,
  // The server is well and asking again changes nothing: a person has to correct config.d.
  'node-faulty': 409,
  'config-faulty': 503,
  'image-unknown': 404,
  'blob-unknown': 404,
  'route-unknown': 404,
  'host-invalid': 400,
  'machine-invalid': 400,
  'report-invalid': 400,
  'range-unsatisfiable': 416,
  'reports-full': 503,
  'request-invalid': 400,
  'ssh-key-invalid': 400,
  'name-refused': 409,
  'pending-full': 503,
  'certificate-needed': 401,
  'node-unknown': 404,
  'token-refused': 404,
  'server-busy': 503,
  'printer-unknown': 404,
  'item-unknown': 404,
  'generation-unknown': 404,
  'file-unknown': 404,
  'state-untrusted': 403,
  // Another boot has it; what this one ships is taken all the same.
  'lease-lost': 409,
  'generation-mismatch': 422,
  'generation-damaged': 422,
  'variables-damaged': 422,
  'variables-empty': 422,
  'generation-too-large': 413,
  'state-full': 507,
  'config-too-large': 413,
  'state-damaged': 503,
};

/** Of the server's own records: another server may do, and its admin has to look. Where they are is no stranger's business. */
const DAMAGES = ['uses-invalid', 'bundle-number-invalid', 'image-record-invalid'];

/** Fastify's own errors (a body too large, no JSON) carry a status and a sentence that tells nothing about the server. */
function frameworkStatus(error: unknown): number | undefined {
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown };
  const isFrameworks = typeof code === 'string' && code.startsWith('FST_');
  return isFrameworks && typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500
    ? statusCode
    : undefined;
}

export function problemOf(error: unknown): ToldProblem {
  const ours = isStatectlError(error) ? entryOf(STATUS_OF, error.code) : undefined;
  const isDamaged = isStatectlError(error) && DAMAGES.includes(error.code);
  const status = ours ?? frameworkStatus(error) ?? (isDamaged ? 503 : 500);
  const title = STATUS_CODES[status] ?? 'Error';
  if (isStatectlError(error) && ours !== undefined)
    return {
      type: `urn:statectl:problem:${error.code}`,
      title,
      status,
      detail: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  if (isDamaged)
    return {
      type: 'urn:statectl:problem:state-damaged',
      title,
      status,
      detail: 'a record of this server is damaged; its log says which, and what to do',
    };
  const detail = status === 500 ? 'the server failed; its log says why' : (error as Error).message;
  return { type: 'about:blank', title, status, detail };
}

/** The answer to bytes that are no HTTP request; node:http hands over the bare socket then. */
export function answerNoHttp(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const title = STATUS_CODES[status] ?? 'Error';
  const body = JSON.stringify({ type: 'about:blank', title, status, detail: 'that is not an HTTP request' });
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`);
}
