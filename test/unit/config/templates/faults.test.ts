import { describe, expect, it } from 'vitest';
import { body, render } from './sample.ts';

describe('a fault in a template is said with its line and column, the settings counted', () => {
  it.each([
    ['x\n\n  {{ metadata.rom }}', '6:6 unknown variable metadata.rom: did you mean "room"?'],
    ['{{ meta.room }}', '4:4 unknown variable meta'],
    ['{{ nodes.name }}', '4:4 unknown variable nodes: did you mean "node"?'],
    ['{{ metadata.nozzle.sise }}', '4:4 unknown variable metadata.nozzle.sise: did you mean "size"?'],
    ['{% assign colour = 1 %}{{ color }}', '4:27 unknown variable color: did you mean "colour"?'],
    ['{{ node.groups[7] }}', '4:4 unknown variable node.groups.7'],
    ['a {{ node.name | shel }}', '4:18 unknown filter shel: did you mean "shell"?'],
    ['a\n{% fr x in y %}', '5:1 unknown tag fr: did you mean "for"?'],
    ['{% endif %}', '4:1 {% endif %} without its beginning'],
    ['{% if node.name %}', '4:1 tag {% if node.name %} not closed'],
    ['\n{{ node.name', '5:1 output "{{ node.name" not closed'],
    ['{{ node.name node.mac }}', '4:1 cannot be understood: {{ node.name node.mac }}'],
    ['{% if node.name zork %}{% endif %}', '4:1 cannot be understood: {% if node.name zork %}'],
    [
      '{% for i in (1..2) %}\n{% if node.name == %}{% endif %}{% endfor %}',
      '5:1 cannot be understood: {% if node.name == %}',
    ],
    ['{% assign x = metadata.rom %}', '4:15 unknown variable metadata.rom: did you mean "room"?'],
    ['{% for x in metadata.rooms %}{% endfor %}', '4:13 unknown variable metadata.rooms: did you mean "room"?'],
    ['{% liquid\n  echo metadata.rom\n%}', '5:8 unknown variable metadata.rom: did you mean "room"?'],
    ['{% render "lib/z" %}', '4:1 no partial "lib/z" in templates/: did you mean "lib/a"?'],
    ['{{ node }}', '4:1 is a map: say how it is written, with env, json or yaml, or name one of its keys'],
    ['{{ node.groups }}', '4:1 is a list: say how it is written, with join, shell, json or yaml'],
    [
      '{% capture x %}{{ node.groups }}{% endcapture %}',
      '4:16 is a list: say how it is written, with join, shell, json or yaml',
    ],
    ['{{ "x" | ip_add: 1 }}', '4:1 ip_add: expected an address such as 10.0.0.5/24 or fd00::5/64, found "x"'],
    ['{{ metadata.spare | shell }}', '4:1 shell: expected a text or a number, found nothing'],
  ])('%s', (text, expected) => {
    expect(body(text, {}, {}, { 'lib/a': '' })).toBe(`templates/t:${expected}`);
  });

  it('in the partial where it is, also below settings', () => {
    const partials = { 'lib/a': '---\nkind: text\n---\n\n {{ zork }}' };
    expect(body('{% render "lib/a" %}', {}, {}, partials)).toBe('templates/lib/a:5:5 unknown variable zork');
    expect(body('{% include "lib/b" %}', {}, {}, { 'lib/b': '\n{% if' })).toBe(
      'templates/lib/b:2:1 tag "{% if" not closed',
    );
  });

  it('is none where a variable may be missing: in conditions, for default, and in keys of items', () => {
    const list = [{ a: 1, on: true }, { a: 2 }];
    expect(
      body('{% if metadata.floor %}a{% elsif metadata.x.y %}b{% else %}c{% endif %}{{ metadata.z | default: 1 }}'),
    ).toBe('c1');
    expect(body('{{ metadata.l | where: "on" | map: "a" | join }}', { metadata: { l: list } })).toBe('1');
  });
});

describe('a fault in the settings', () => {
  const fault = (settings: string): string | undefined => render({ t: `---\n${settings}\n---\n` }).faults[0];

  it.each([
    ['kind: file', '2:1 needs a path, as every template of kind file'],
    ['kind: fil\npath: /x', '2:1 "kind": expected one of file, env, ipxe, cloud-config, text'],
    ['path: /x\nmodes: "0644"', '3:1 unknown key "modes": did you mean "mode"?'],
    ['path: /x\nmode: 644', '3:1 "mode": expected octal permissions in quotes, such as "1777"'],
    ['path: /x\nowner: root', '3:1 "owner": expected user:group, such as root:root or 1000:1000'],
    ['path: /x\nowner: "root:$(id)"', '3:1 "owner": expected user:group, such as root:root or 1000:1000'],
    ['path: /x\npublic: yes', '3:1 "public": expected true or false'],
    ['path: [a]', '2:1 "path": expected an absolute path such as /etc/motd'],
    ['path: /x\npath: /y', '3:1 Map keys must be unique'],
    ['- a', '2:1 expected a mapping of keys to values'],
    ['path: *a', '2:1 Unresolved alias (the anchor must be set before the alias): a'],
    ['path: etc/x', '2:1 path "etc/x" is not absolute'],
    ['path: /etc/../x', '2:1 path "/etc/../x" must not have ".." in it'],
    ['path: /etc/', '2:1 path "/etc/" names a folder'],
    ['path: "/etc/\\n"', '2:1 path "/etc/\\n" has a control character or a line end in it'],
    ['path: /etc/{{ metadata.rom }}', '2:15 unknown variable metadata.rom: did you mean "room"?'],
    ['path: /x\neach: metadata.prnters', '3:7 unknown variable metadata.prnters'],
    ['path: /x\neach: node.name', '3:1 "each" must give a list or a map'],
    ['path: /x\neach: (1..5000)', '3:1 "each" gives 5000 files, more than 1000'],
    ['path: /x\nwhen: node.name zork', '3:7 an expression that cannot be understood'],
    ['path: /x\nwhen: node.name | shel', '3:7 unknown filter shel: did you mean "shell"?'],
    ['kind: text\neach: node.groups', '3:1 "each": several files need a path'],
  ])('%s', (settings, expected) => {
    expect(fault(settings)).toBe(`templates/t:${expected}`);
  });

  it('is an opening line that is never closed', () => {
    expect(render({ t: '---\npath: /x\nbody' }).faults).toEqual([
      'templates/t:1:1 the settings that begin here have no closing ---',
    ]);
  });

  it('is a value that YAML takes for something else, with the way out', () => {
    expect(fault('path: {{ node.name }}')).toBe(
      `templates/t:2:1 "path": expected an absolute path such as /etc/motd: put the value between ' and '`,
    );
    expect(fault('path: /x\neach: metadata.p | default: nil')).toMatch(
      /^templates\/t:3:7 .*: put the value between ' and '$/,
    );
  });
});

describe('what is rendered', () => {
  const fault = (kind: string, text: string) => render({ t: `---\nkind: ${kind}\n---\n${text}` }).faults[0];

  it.each([
    ['ipxe', '# no\n', 'is no ipxe: must begin with a line #!ipxe'],
    ['cloud-config', 'a: 1\n', 'is no cloud-config: must begin with a line #cloud-config'],
    ['cloud-config', '#cloud-config\na: [1\n', 'is no cloud-config: renders YAML with a fault in line '],
    ['cloud-config', '#cloud-config\n- a\n', 'is no cloud-config: must render a mapping'],
    ['env', 'A=1\nB=a b\n', 'is no env: line 2 of what it renders is not KEY=VALUE'],
    ['env', 'A="1\n', 'is no env: line 1 '],
    ['env', '1A=1\n', 'is no env: line 1 '],
    ['env', 'A=$(id)\n', 'is no env: line 1 '],
    ['env', 'A=1; id\n', 'is no env: line 1 '],
    ['env', 'A="$HOME"\n', 'is no env: line 1 '],
    ['env', 'A=~/x\n', 'is no env: line 1 '],
    ['env', "A='it'\\''s'\n", 'is no env: line 1 '],
    ['env', '; a comment of systemd only\n', 'is no env: line 1 '],
    ['env', '# goes on in systemd\\\nA=1\n', 'is no env: line 1 '],
  ])('must be what its kind says: %s %j', (kind, text, expected) => {
    expect(fault(kind, text)).toContain(`templates/t:2:1 ${expected}`);
  });

  it.each([
    ['env', '# a comment\n\nA=\nB="x y\nz"\n_c=\'$d\'"e"f\nD=1'],
    ['cloud-config', '#cloud-config\na: 1\n'],
    ['ipxe', '#!ipxe\n'],
    ['text', ''],
  ])('may be %s %j', (kind, text) => {
    expect(fault(kind, text)).toBeUndefined();
  });
});
