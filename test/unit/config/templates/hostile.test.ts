import { describe, expect, it } from 'vitest';
import { compilerOf } from '../../../../src/config/templates/compile.ts';
import { LIMITS } from '../../../../src/config/templates/limits.ts';
import { templateSet } from '../../../../src/config/templates/template-set.ts';
import { sized } from '../../../fixtures/effort.ts';
import { HANG_MS } from '../../../fixtures/hang.ts';
import { body, FRONT, render } from './sample.ts';

/** As a server has them, in the long run. */
const SMALL = { steps: sized(200_000, LIMITS.steps), memory: sized(2 << 20, LIMITS.memory) };
const UNKNOWN = /^templates\/t:4:\d+ unknown variable /;

describe('a hostile template', () => {
  it.each([
    ...[
      'constructor',
      '__proto__',
      'node.constructor',
      'node.__proto__',
      'node.hasOwnProperty',
      'node.groups.constructor',
    ],
    ...['node.groups.map', '"".constructor', 'node["__proto__"]', 'node.name.constructor', 'process'],
    ...['globalThis', 'require', 'env', 'forloop', 'metadata.toString'],
  ])('reaches no prototype and nothing of the program: %s', (expression) => {
    expect(body(`{{ ${expression} }}`)).toMatch(UNKNOWN);
    expect(body(`{% assign x = ${expression} %}`)).toMatch(UNKNOWN);
    expect(body(`{% for x in ${expression} %}{% endfor %}`)).toMatch(UNKNOWN);
  });

  it.each([
    'map: "constructor" | join',
    'where: "constructor" | size',
    'sum: "__proto__"',
    'map: "__proto__" | join',
    'group_by: "constructor" | map: "name" | join',
  ])('reaches none by a filter either: %s', (filter) => {
    expect(body(`{{ metadata.l | ${filter} }}`, { metadata: { l: [{ a: 1 }] } })).toMatch(/^0?$|unknown variable/);
  });

  it('changes nothing that the next template sees', () => {
    const metadata = { l: [3, 1] };
    const texts = {
      a: '---\npath: /a\n---\n{% assign metadata = 1 %}{% assign __proto__ = 2 %}{% increment node %}{% capture config %}x{% endcapture %}',
      b: '---\npath: /b\n---\n{{ metadata.l | sort | push: 4 | join }} {{ metadata.l | join }} {{ node.name }} {{ config.boot.image }}',
    };
    expect(render(texts, { metadata }).contents).toMatchObject({ '/b': '1 3 4 3 1 print-01 lab' });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each([
    ['a range', '{% for i in (1..100000000) %}x{% endfor %}', /makes too much/],
    [
      'loops in loops',
      '{% for i in (1..9999) %}{% for j in (1..99) %}{% for k in (1..99) %}{% endfor %}{% endfor %}{% endfor %}',
      /makes too much|00000 steps/,
    ],
    [
      'a text that doubles',
      '{% assign a = "xx" %}{% for i in (1..99) %}{% assign a = a | append: a %}{% endfor %}',
      /makes too much/,
    ],
    [
      'a capture that doubles',
      '{% assign a = "xx" %}{% for i in (1..99) %}{% capture a %}{{ a }}{{ a }}{% endcapture %}{% endfor %}',
      /makes too much/,
    ],
    [
      'quotes that double',
      `{% assign a = "'" %}{% for i in (1..99) %}{% assign a = a | shell %}{% endfor %}`,
      /makes too much/,
    ],
    [
      'JSON that doubles',
      `{% assign a = '"' %}{% for i in (1..99) %}{% assign a = a | json %}{% endfor %}`,
      /makes too much/,
    ],
    [
      'Base64 that grows',
      '{% assign a = "x" %}{% for i in (1..99) %}{% assign a = a | b64 %}{% endfor %}',
      /makes too much/,
    ],
    ['a hostlist', '{{ "n[1-9999][1-9999]" | hostlist | size }}', /more than 20000 names/],
    ['giant output', '{% for i in (1..70000) %}0123456789abcdef{% endfor %}', /renders more than 1048576 bytes/],
    ['a partial that renders itself', '{% render "lib/self" %}', /nested more than 100 deep/],
    ['a partial that includes itself', '{% include "lib/again" %}', /nested more than 100 deep/],
    ['two that render each other', '{% render "lib/a" %}', /nested more than 100 deep/],
    ['blocks nested without end', '{% if node %}'.repeat(15_000), /nested too deep|not closed/],
    [
      'brackets nested without end',
      `{{ ${'a['.repeat(20_000)}1${']'.repeat(20_000)} }}`,
      /nested too deep|unknown variable/,
    ],
    ['partials that multiply', '{% render "lib/tree" %}', /steps|deep/],
  ])('ends with a fault: %s', (_title, text, message) => {
    const partials = {
      'lib/self': '{% render "lib/self" %}',
      'lib/again': '{% include "./again" %}',
      'lib/a': '{% render "lib/b" %}',
      'lib/b': '{% render "lib/a" %}',
      'lib/tree': '{% render "lib/tree" %}{% render "lib/tree" %}',
    };
    expect(body(text, {}, SMALL, partials)).toMatch(message);
  });

  it('is held to the limits for all its items together', () => {
    const each = (count: number, text: string) =>
      // On a machine with much else to do, time must not be what ends it.
      render({ t: `---\npath: /{{ index }}\neach: (1..${count})\n---\n${text}` }, {}, { ...SMALL, timeMs: HANG_MS })
        .faults[0];
    expect(each(100, `{% for i in (1..${SMALL.steps / 100 - 1}) %}{% assign x = i %}{% endfor %}`)).toContain(
      `more than ${SMALL.steps} steps`,
    );
    expect(each(20, `{% for i in (1..30) %}${'x'.repeat(32_000)}{% endfor %}`)).toMatch(
      /more than 16777216 bytes in all/,
    );
  });

  it('is held to the limits it is given', () => {
    expect(body('aaaa', {}, { outputBytes: 3 })).toBe('templates/t:4:1 renders more than 3 bytes');
    expect(body('ää', {}, { outputBytes: 4 })).toBe('ää');
    expect(body('{% for i in (1..1000) %}a{% endfor %}', {}, { timeMs: -1 })).toMatch(/takes longer than/);
  });

  it.each([
    '/etc/passwd',
    '../../../../etc/passwd',
    './/../../etc/passwd',
    'file:///etc/passwd',
    'constructor',
    '__proto__',
  ])('gets no file of the server as a partial: %s', (name) => {
    expect(body(`{% render "${name}" %}`)).toContain('no partial');
    expect(body(`{% include metadata.n %}`, { metadata: { n: name } })).toContain('no partial');
  });

  it.each(['layout', 'block', 'tablerow'])('has no tag %s', (tag) => {
    expect(body(`{% ${tag} "x" %}`)).toContain(`unknown tag ${tag}`);
  });

  it('has no clock, unless the rendering was given a time', () => {
    expect(body('{{ now }}')).toMatch(/there is no clock here/);
    expect(body('{{ "now" | date: "%Y" }}')).toMatch(/there is no clock here/);
    expect(body('{% assign now = "2001-01-01" %}{{ "today" | date: "%Y" }}')).toMatch(/there is no clock here/);
    const now = Date.UTC(2026, 10, 20, 12);
    expect(body('{{ now }} {{ "now" | date: "%Y" }} {{ now | date: "%s" }}', { now })).toBe(
      '2026-11-20T12:00:00Z 2026 1795176000',
    );
  });

  it('has no chance, no HTML and no filter of the machine that renders', () => {
    const { filters } = compilerOf(templateSet([])).engine;
    const used = ['sample', 'raw', 'inspect', 'date_to_string', 'date_to_xmlschema', 'strip_html'];
    expect(used.filter((name) => name in filters)).toEqual([]);
  });

  it.each([
    ['../../etc/shadow', 'must not have ".." in it'],
    ['a/../../../b', 'must not have ".." in it'],
    ['a\u0000b', 'control character'],
    ['a\nb', 'control character'],
    ['', 'names a folder'],
    ['x'.repeat(300), 'has a name above 255 bytes'],
    ['x/'.repeat(2100), 'names a folder'],
    [`${'x/'.repeat(2100)}y`, 'is longer than 4095 bytes'],
  ])('puts no file elsewhere by a value in its path: %j', (item, message) => {
    const { files, faults } = render({ t: '---\npath: /srv/{{ metadata.v }}\n---\n' }, { metadata: { v: item } });
    expect(files).toEqual([]);
    expect(faults[0]).toContain(message);
  });

  it('cannot make the settings grow by YAML aliases', () => {
    const lines = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (let at = 0; at < 9; at++)
      lines.push(`${'bcdefghij'[at]}: &${'bcdefghij'[at]} [${Array(9).fill(`*${'abcdefghi'[at]}`)}]`);
    const { faults } = render({ t: `---\n${lines.join('\n')}\n---\n` });
    expect(faults[0]).toMatch(/Excessive alias count|unknown key/);
  });

  it.each([
    ['a filter', `{{ a | ${'a-'.repeat(60_000)} }}`, 'unknown filter a-a-'],
    ['a tag', `{% ${', file:'.repeat(30_000)} %}`, 'templates/t:4:'],
    ['a partial', `{% render "${', file:'.repeat(30_000)}" %}`, 'templates/t:4:'],
    ['a variable', `{{ ${'a.'.repeat(60_000)}b }}`, 'unknown variable'],
  ])('is a fault with its place at once, however long the name of %s is that nobody knows', (_what, text, fault) => {
    const started = performance.now();
    expect(body(text).slice(0, 200)).toContain(fault);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('is only data to the program: functions in a context are refused', () => {
    const metadata = { f: () => 'x' } as never;
    expect(() => render({ t: FRONT }, { metadata })).toThrow(TypeError);
  });
});
