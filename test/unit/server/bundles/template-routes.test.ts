import { expect, test } from 'vitest';
import { LIMITS } from '../../../../src/config/templates/limits.ts';
import { renderTemplates } from '../../../../src/config/templates/render.ts';
import { templateSet } from '../../../../src/config/templates/template-set.ts';
import type { RenderPublic } from '../../../../src/server/bundles/template-routes.ts';
import { sized } from '../../../fixtures/effort.ts';
import { appOver, temporaryStore } from '../../../fixtures/server/temporary-store.ts';

const FILE = {
  path: undefined,
  template: 't',
  kind: 'text',
  content: 'x',
  mode: 0o644,
  owner: 'root',
  group: 'root',
  public: true,
} as const;

/** The routes over templates of this rendering. */
async function served(renderPublic: RenderPublic) {
  const temporary = await temporaryStore();
  const { app } = appOver(temporary.store, { renderPublic });
  const ask = (name: string, remoteAddress: string) => app.inject({ url: `/v1/templates/${name}`, remoteAddress });
  return { app, ask, [Symbol.asyncDispose]: temporary[Symbol.asyncDispose] };
}

test('templates are rendered one after the other, each address in turn, and what else is asked goes between', async () => {
  const order: string[] = [];
  await using server = await served(async (name) => {
    order.push(name);
    return FILE;
  });
  const crowd = Array.from({ length: 20 }, (_, at) => server.ask(`crowd${at}`, '192.0.2.1'));
  const other = server.ask('other', '198.51.100.1');
  const health = server.app.inject('/healthz').then(({ statusCode }) => order.push(`health ${statusCode}`));
  await Promise.all([...crowd, other, health]);
  expect(order).toHaveLength(22);
  expect(order.indexOf('other')).toBeLessThan(4);
  expect(order.indexOf('health 200')).toBeLessThan(10);
});

test('of an address 2,048 templates are asked for at once, and of all addresses 4,096 wait', async () => {
  const held = Promise.withResolvers<void>();
  await using server = await served(async () => {
    await held.promise;
    return FILE;
  });
  const answers = (count: number, remoteAddress: string) =>
    Array.from({ length: count }, () => server.ask('t', remoteAddress).then(({ statusCode }) => statusCode));
  const first = answers(2048, '192.0.2.1');
  expect(await Promise.race(answers(1, '192.0.2.1'))).toBe(503);
  const second = answers(2048, '192.0.2.2');
  const third = answers(1, '198.51.100.1');
  expect(await Promise.race(answers(1, '198.51.100.2'))).toBe(503);
  held.resolve();
  expect(new Set(await Promise.all([...first, ...second, ...third]))).toEqual(new Set([200]));
});

test('a template that counts without end is rendered no further than it may be, and given to nobody', async () => {
  const loop = '{% for a in (1..9999) %}{% for b in (1..9999) %}{% assign x = b %}{% endfor %}{% endfor %}';
  const set = templateSet([['t', `---\nkind: text\npublic: true\n---\n${loop}`]]);
  const steps = sized(20_000, LIMITS.steps);
  const faults: string[] = [];
  await using server = await served(async (name) => {
    const rendered = renderTemplates(set, [name], { node: {}, metadata: {}, config: {} }, { steps });
    faults.push(...rendered.faults.map(({ message }) => message));
    return rendered.files[0];
  });
  expect((await server.ask('t', '192.0.2.1')).statusCode).toBe(404);
  expect(faults).toEqual([expect.stringContaining(`more than ${steps} steps`)]);
});
