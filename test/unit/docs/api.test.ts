import { expect, it } from 'vitest';
import { PLAIN_ROUTES, SECURE_ROUTES } from '../../../build/reference/api-routes.ts';
import { ANSWERS } from '../../../build/reference/api-schemas.ts';
import { bootTokens } from '../../../src/server/machines/boot-tokens.ts';
import { everyRoute } from '../../fixtures/server/every-route.ts';
import { appOver, temporaryStore } from '../../fixtures/server/temporary-store.ts';

it('the API in the reference has every route of both ports, and no other', async () => {
  const { anybody, 'an enrolled machine': secure } = await everyRoute();
  expect(Object.keys(PLAIN_ROUTES).toSorted()).toEqual(anybody.toSorted());
  expect(Object.keys(SECURE_ROUTES).toSorted()).toEqual(secure.toSorted());
});

it('each schema of the API that strangers get is what the server answers', async () => {
  await using temporary = await temporaryStore();
  await temporary.add();
  const { app } = appOver(temporary.store, {
    troubles: () => ['the disk is nearly full'],
    bootSettings: async () => ({ image: 'lab', arguments: [], servers: [] }),
    tokenRoutes: {
      tokens: bootTokens(Date.now),
      nodes: { ofMachine: async () => undefined, ofNode: async () => undefined },
      secure: { port: 8443, name: 'common', takesReports: true },
      alarm: () => {},
    },
  });
  const asked = new Map<string, string>([
    ['GET /healthz', '/healthz'],
    ['GET /v1/status', '/v1/status'],
    ['GET /v1/tls', '/v1/tls'],
    ['GET /v1/boot', '/v1/boot?mac=52:54:00:12:34:56'],
  ]);
  for (const [route, url] of asked) {
    const answer = await app.inject(url);
    expect({ route, status: answer.statusCode }).toEqual({ route, status: 200 });
    const schema = PLAIN_ROUTES[route]?.answers[200];
    expect(typeof schema === 'string' && schema !== 'nothing' && ANSWERS[schema].safeParse(answer.json()).error).toBe(
      undefined,
    );
    if (route === 'GET /v1/boot') {
      const manifest = await app.inject(answer.json().manifestUrl);
      expect(ANSWERS.Manifest.safeParse(manifest.json()).error).toBe(undefined);
    }
  }
  const problem: object = (await app.inject('/nowhere')).json();
  expect(ANSWERS.Problem.safeParse(problem).error).toBe(undefined);
  expect(ANSWERS.Problem.safeParse({ ...problem, more: 1 }).success).toBe(false);
});
