import { describe, expect, it } from 'vitest';
import { checkTemplates, renderTemplate, renderTemplates } from '../../../../src/config/templates/render.ts';
import { TemplateError } from '../../../../src/config/templates/template-error.ts';
import { templateSet } from '../../../../src/config/templates/template-set.ts';
import { body, CONTEXT, FRONT, render } from './sample.ts';

describe('a template', () => {
  it('sees the node, its metadata and its config', () => {
    expect(body('{{ node.name }} {{ metadata.room }} {{ config.boot.image }} {{ node.groups[1] }}')).toBe(
      'print-01 b 12 lab lab',
    );
  });

  it('renders a file with path, mode and owner', () => {
    const text = '---\npath: /etc//{{ node.name }}/./a\nmode: "4750"\nowner: klipper:1000\npublic: true\n---\nx\n';
    expect(render({ a: text }).files).toEqual([
      {
        template: 'a',
        kind: 'file',
        path: '/etc/print-01/a',
        content: 'x\n',
        mode: 0o4750,
        owner: 'klipper',
        group: '1000',
        public: true,
      },
    ]);
  });

  it('has root:root and 0644 by default, and may be empty', () => {
    expect(render({ a: '---\npath: /a\n---' }).files).toMatchObject([
      { content: '', mode: 0o644, owner: 'root', group: 'root', public: false },
    ]);
  });

  it('renders once for each item of a list or map', () => {
    const list = { each: [{ n: 'l' }, { n: 'r' }], map: { a: 1, b: 2 } };
    const texts = {
      list: '---\neach: metadata.each\npath: /l/{{ item.n }}\n---\n{{ key }} {{ index }}',
      map: '---\neach: metadata.map\npath: /m/{{ key }}\n---\n{{ item }} {{ index }}',
    };
    expect(render(texts, { metadata: list }).contents).toEqual({
      '/l/l': '0 0',
      '/l/r': '1 1',
      '/m/a': '1 0',
      '/m/b': '2 1',
    });
  });

  it.each([
    ['when: metadata.floor', []],
    ['when: metadata.room', ['/x']],
    ['when: metadata.room == "b 12" and node.groups contains "lab"', ['/x']],
    ['when: \'"lab" == node.name\'', []],
    ['when: false', []],
    ['when: metadata.printers\neach: metadata.printers', []],
    ["each: 'metadata.printers | default: nil'", []],
  ])('renders nothing where its condition does not hold: %s', (settings, paths) => {
    const { files, faults } = render({ t: `---\npath: /x\n${settings}\n---\n` });
    expect(faults).toEqual([]);
    expect(files.map(({ path }) => path)).toEqual(paths);
  });

  it('asks a condition that names the item for each item', () => {
    const text = '---\npath: /{{ key }}\neach: metadata.p\nwhen: item.on\n---\n';
    const { contents } = render({ t: text }, { metadata: { p: { a: { on: true }, b: { on: false }, c: {} } } });
    expect(Object.keys(contents)).toEqual(['/a']);
  });

  it('uses partials of the set, also relative ones, with the variables it passes', () => {
    const partials = { 'lib/a': '[{{ v }} {{ node.name }}{% render "./b" %}]', 'lib/b': 'B' };
    expect(body('{% render "lib/a", v: 1 %}{% assign v = 2 %}{% include "lib/a" %}', {}, {}, partials)).toBe(
      '[1 print-01B][2 print-01B]',
    );
  });

  it('of another kind is given by name, and needs no path', () => {
    expect(render({ 'boot.ipxe': '---\nkind: ipxe\n---\n#!ipxe\nshell\n' }).files).toMatchObject([
      { template: 'boot.ipxe', kind: 'ipxe', path: undefined },
    ]);
  });

  it('may have Windows line ends and a byte order mark; what it renders has neither', () => {
    expect(render({ t: '\uFEFF---\r\npath: /x\r\n---\r\na\r\n{{ node.name }}\r\n' }).contents).toEqual({
      '/x': 'a\nprint-01\n',
    });
  });

  it('may be Jinja for somebody else between raw and endraw', () => {
    expect(body('{% raw %}{% set x = {{ y }} %}{% endraw %}')).toBe('{% set x = {{ y }} %}');
  });
});

describe('one broken template', () => {
  const set = templateSet(
    Object.entries({
      a: `${FRONT}{{ metadata.rom }}`,
      b: '---\npath: /b\n---\nfine',
      c: '---\npat: /c\n---\n',
      p: 'x',
    }),
  );

  it('stops no other, and its faults say where and for which node', () => {
    const { files, faults } = renderTemplates(set, undefined, CONTEXT);
    expect(files.map(({ path }) => path)).toEqual(['/b']);
    expect(faults).toEqual([
      {
        file: 'templates/a',
        line: 4,
        column: 4,
        message: 'unknown variable metadata.rom: did you mean "room"?',
        node: 'print-01',
      },
      { file: 'templates/c', line: 2, column: 1, message: 'unknown key "pat": did you mean "path"?', node: 'print-01' },
    ]);
  });

  it('is an error with code, faults and a message when it alone was asked for', () => {
    const failing = () => renderTemplate(set, 'a', CONTEXT);
    expect(failing).toThrow(TemplateError);
    expect(failing).toThrow(
      expect.objectContaining({
        code: 'template-invalid',
        message: 'templates/a:4:4 unknown variable metadata.rom: did you mean "room"? (node print-01)',
        faults: [expect.objectContaining({ line: 4 })],
      }),
    );
    expect(renderTemplate(set, 'b', CONTEXT)).toMatchObject([{ content: 'fine' }]);
  });

  it('shows without a node when it lies in settings or syntax', () => {
    const faults = checkTemplates(templateSet([...Object.entries(set.texts), ['lib/q', 'x\n{% if %}']]));
    expect(faults.map(({ file, line }) => `${file}:${line}`)).toEqual(['templates/c:2', 'templates/lib/q:2']);
  });
});

describe('the templates to render', () => {
  const set = templateSet([
    ['motd', FRONT],
    ['klipper/a', '---\npath: /a\n---\n'],
    ['klipper/b', '---\npath: /b\n---\n'],
    ['lib/x', 'partial'],
    ['bin', Buffer.from([0])],
  ]);
  const chosen = (...names: string[]) => {
    const { files, faults } = renderTemplates(set, names, CONTEXT);
    return [...files.map(({ template }) => template), ...faults.map(({ file, message }) => `${file} ${message}`)];
  };

  it('are named, or matched by globs; partials are none', () => {
    expect(chosen('klipper/*', 'motd', 'motd')).toEqual(['klipper/a', 'klipper/b', 'motd']);
    expect(chosen('**/*')).toEqual(['klipper/a', 'klipper/b', 'motd', 'templates/bin is binary: a template is a text']);
  });

  it('must be there', () => {
    expect(chosen('mtod')).toEqual(['templates/mtod no template "mtod": did you mean "motd"?']);
    expect(chosen('none/*')).toEqual(['templates/none/* no template "none/*"']);
    expect(chosen('lib/x')).toEqual([
      'templates/lib/x is a partial: it does not begin with settings between --- lines',
    ]);
    expect(chosen('constructor')).toEqual(['templates/constructor no template "constructor"']);
  });
});

describe('two files at one path', () => {
  it('are a fault that names both templates', () => {
    expect(render({ a: FRONT, b: '---\npath: //x\n---\n' }).faults).toEqual([
      'templates/b:1:1 /x is rendered by templates/a too',
    ]);
  });

  it('are one when they come of two items', () => {
    expect(render({ a: '---\npath: /x\neach: node.groups\n---\n' }).faults).toEqual([
      'templates/a:1:1 /x is rendered by another item of this template too',
    ]);
  });

  it.each([
    ['/x', '/x/y/z'],
    ['/x/y/z', '/x'],
  ])('are one when one would be a folder of the other: %s and %s', (one, two) => {
    expect(render({ a: `---\npath: ${one}\n---\n`, b: `---\npath: ${two}\n---\n` }).faults).toEqual([
      `templates/b:1:1 ${two} and ${one} of templates/a: one would be a file and a folder`,
    ]);
  });
});
