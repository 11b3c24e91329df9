import { type Document, isMap } from 'yaml';
import { reasonOf } from '../../error.ts';
import { parseYaml, repeatedKey } from '../tree/yaml-document.ts';
import type { TemplateKind } from './front-matter.ts';

/**
 * One entry of an environment file that sh and systemd (systemd.exec(5), EnvironmentFile=) read alike: quoted parts first,
 * since systemd takes a quote after other text for itself; nothing that sh would expand; no comment that goes on.
 */
const ENV_ENTRY =
  /(?:[ \t]*(?:#(?:[^\n]*[^\n\\])?)?|[A-Za-z_][A-Za-z0-9_]*=(?:"(?:[^"\\$`]|\\[^])*"|'[^']*')*(?:\\[^\n]|[^\s"'\\;&|<>()`$#~])*[ \t]*)(?:\n|$)/y;

/** What is wrong with a rendered text of this kind; undefined when it is right. */
export function faultOfKind(kind: TemplateKind, text: string): string | undefined {
  return CHECKS[kind]?.(text);
}

const CHECKS: { readonly [Kind in TemplateKind]?: (text: string) => string | undefined } = {
  env(text) {
    let at = 0;
    while (at < text.length) {
      ENV_ENTRY.lastIndex = at;
      const entry = ENV_ENTRY.exec(text)?.[0];
      if (!entry)
        return `line ${lineAt(text, at)} of what it renders is not KEY=VALUE with a value that sh and systemd read alike: ${firstLine(text.slice(at))}`;
      at += entry.length;
    }
    return undefined;
  },
  ipxe: (text) => (/^#!ipxe[ \t]*\n/.test(text) ? undefined : 'must begin with a line #!ipxe'),
  'cloud-config'(text) {
    if (!/^#cloud-config[ \t]*\n/.test(text)) return 'must begin with a line #cloud-config';
    let document: Document;
    try {
      document = parseYaml(text);
    } catch (error) {
      return `renders YAML that is too much: ${reasonOf(error)}`;
    }
    const [error] = document.errors;
    const fault = (at: number, message: string): string =>
      `renders YAML with a fault in line ${lineAt(text, at)}: ${message}`;
    if (error) return fault(error.pos[0], firstLine(error.message).replace(/ at line .*/, ''));
    const twice = repeatedKey(document);
    if (twice) return fault(twice.offset, `the key "${twice.key}" stands twice`);
    return isMap(document.contents) ? undefined : 'must render a mapping of keys to values';
  },
};

const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;
const firstLine = (text: string): string => (text.split('\n')[0] ?? '').slice(0, 120);
