import { z } from 'zod';
import { CLAIMS, type Claim } from '../../src/protocol/claims.ts';
import { STATUS_OF } from '../../src/server/problem.ts';
import { VERSION } from '../../src/version.ts';
import { type ApiRoute, PLAIN_ROUTES, SECURE_ROUTES } from './api-routes.ts';
import { ANSWERS } from './api-schemas.ts';
import { page, table } from './markdown.ts';

const SAID: Readonly<Record<Claim, string>> = {
  mac: 'of the card that it boots from',
  uuid: 'of its SMBIOS',
  serial: 'its serial number',
  hostname: 'what DHCP or its kernel command line calls it',
  arch: 'as `uname -m` prints it',
  labels: 'NAME=VALUE, separated by commas: statectl.label= of its kernel command line',
  macs: 'of its other wired cards, separated by commas',
};

type Json = Readonly<Record<string, unknown>>;

function jsonSchema(schema: z.core.$ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}

const parameter = (where: 'query' | 'header' | 'path', name: string, description: string): Json => ({
  name,
  in: where,
  ...(where === 'path' && { required: true }),
  ...(description !== '' && { description }),
  schema: { type: 'string' },
});

function answersOf({ answers }: ApiRoute): Json {
  const content = (answer: ApiRoute['answers'][number]): Json => {
    if (answer === 'nothing') return {};
    if (typeof answer === 'object') return { content: { [answer.type]: {} } };
    return { content: { 'application/json': { schema: { $ref: `#/components/schemas/${answer}` } } } };
  };
  return {
    ...Object.fromEntries(
      Object.entries(answers).map(([status, answer]) => [
        status,
        { description: MEANINGS[status], ...content(answer) },
      ]),
    ),
    default: { $ref: '#/components/responses/Problem' },
  };
}

const MEANINGS: Readonly<Record<string, string>> = {
  200: 'here it is',
  202: 'it waits for a person',
  204: 'taken',
  206: 'the part that was asked for',
  304: 'unchanged',
  403: 'it was refused',
};

/** `/v1/images/:name/*` as OpenAPI writes it. */
const pathOf = (url: string): string => url.replace(/:(\w+)/g, '{$1}').replace('*', '{path}');

function operation(url: string, route: ApiRoute): Json {
  const parameters = [
    ...[...pathOf(url).matchAll(/\{(\w+)\}/g)].map(([, name = '']) => parameter('path', name, '')),
    ...(route.asksWho ? CLAIMS.map((claim) => ({ $ref: `#/components/parameters/${claim}` })) : []),
    ...Object.entries(route.query ?? {}).map(([name, text]) => parameter('query', name, text)),
    ...Object.entries(route.headers ?? {}).map(([name, text]) => parameter('header', name, text)),
  ];
  return {
    summary: route.summary,
    ...(route.port === 'secure' && { security: [{ certificate: [] }] }),
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && {
      requestBody: { required: true, content: { 'application/json': { schema: jsonSchema(route.body, 'input') } } },
    }),
    ...(route.bytes !== undefined && { requestBody: { required: true, content: { [route.bytes]: {} } } }),
    responses: answersOf(route),
  };
}

/** One path may stand on both ports: each has its own document. */
function document(title: string, description: string, routes: Readonly<Record<string, ApiRoute>>): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [name, route] of Object.entries(routes)) {
    const [method = '', url = ''] = name.split(' ');
    paths[pathOf(url)] = { ...paths[pathOf(url)], [method.toLowerCase()]: operation(url, route) };
  }
  const used = new Set<unknown>(Object.values(routes).flatMap(({ answers }) => Object.values(answers)));
  const codes = Object.keys(STATUS_OF).toSorted();
  return {
    openapi: '3.1.0',
    info: { title, version: VERSION, description },
    paths,
    components: {
      schemas: Object.fromEntries(
        Object.entries(ANSWERS)
          .filter(([name]) => name === 'Problem' || used.has(name))
          .map(([name, schema]) => [name, jsonSchema(schema, 'output')]),
      ),
      parameters: Object.fromEntries(CLAIMS.map((claim) => [claim, parameter('query', claim, SAID[claim])])),
      responses: {
        Problem: {
          description: `RFC 9457. Its codes: ${codes.map((code) => `${code} (${STATUS_OF[code]})`).join(', ')}. Who is told 503 waits as Retry-After says.`,
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
      securitySchemes: { certificate: { type: 'mutualTLS', description: 'that of the machine, which enrolled' } },
    },
  };
}

const routeRows = (routes: Readonly<Record<string, ApiRoute>>): string =>
  table(
    ['route', 'for', 'what it gives'],
    Object.entries(routes).map(([name, { port, summary }]) => [
      `\`${name}\``,
      port === 'secure' ? 'a machine with its certificate' : 'anybody',
      summary,
    ]),
  );

/** The HTTP API of the server: a page for people, and OpenAPI for each of the two ports. */
export const apiPages = (): ReadonlyMap<string, string> =>
  new Map([
    [
      'docs/reference/api.md',
      page(
        'The HTTP API of the server',
        `What machines ask of \`statectl serve\`. As OpenAPI 3.1: \`api-plain.json\` and \`api-secure.json\`, beside this page. HEAD is answered
where GET is. A failure is \`application/problem+json\` (RFC 9457) with one of the [error codes](errors.md). What each may cost the server
stands in [bounds](../design/bounds.md).`,
        `## The plain port\nHTTP. All that it says is public and signed.\n\n${routeRows(PLAIN_ROUTES)}`,
        `## The secure port\nTLS 1.3, by the server's own authority; \`GET /v1/tls\` says where.\n\n${routeRows(SECURE_ROUTES)}`,
        `## What a machine says of itself\nIn the query, each once at most. Claims, not proofs; what cannot be read counts as not said.\n\n${table(
          ['name', 'what it is'],
          CLAIMS.map((claim) => [`\`${claim}\``, SAID[claim]]),
        )}`,
      ),
    ],
    ['docs/reference/api-plain.json', jsonText('statectl: the plain port', 'HTTP, for anybody.', PLAIN_ROUTES)],
    [
      'docs/reference/api-secure.json',
      jsonText('statectl: the secure port', 'TLS 1.3. A machine shows its certificate.', SECURE_ROUTES),
    ],
  ]);

const jsonText = (...words: Parameters<typeof document>): string => `${JSON.stringify(document(...words), null, 2)}\n`;
