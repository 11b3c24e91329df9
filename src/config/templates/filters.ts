import type { Context } from 'liquidjs';
import { reasonOf } from '../../error.ts';
import { expandHostlist } from '../nodes/hostlist.ts';
import { b64, indent, json, mac, sha256, yaml } from './filters/data.ts';
import { date } from './filters/date.ts';
import { textOf } from './filters/input.ts';
import { ipAdd, ipAddress, ipNetmask, ipNetwork, ipPrefix } from './filters/ip.ts';
import { env, shell, systemdEscape } from './filters/quote.ts';
import { MEMORY_LIMIT } from './limits.ts';

type Handler = (this: { readonly context: Context }, value: unknown, ...options: unknown[]) => unknown;

interface Filter {
  readonly description: string;
  /** A template, and what it renders: a row of the documents, and a test. */
  readonly example: readonly [template: string, result: string];
  /** undefined: Liquid's own. */
  readonly handler?: Handler;
}

/** What a filter makes counts, so that none makes too much. */
const counted = (
  name: string,
  filter: (value: unknown, ...options: unknown[]) => string | number | readonly string[],
): Handler =>
  function (value, ...options) {
    try {
      const result = filter(value, ...options);
      this.context.memoryLimit.use(typeof result === 'object' ? result.length : String(result).length);
      return result;
    } catch (error) {
      // The limit's own error is known by its words.
      throw reasonOf(error) === MEMORY_LIMIT ? error : new Error(`${name}: ${reasonOf(error)}`);
    }
  };

/** The filters that admins need. The documents' table and the tests are made from this one. */
export const FILTERS: Readonly<Record<string, Filter>> = {
  shell: {
    description: 'one word of POSIX sh; of a list, one word each',
    example: [`{{ "it's $HOME" | shell }}`, `'it'\\''s $HOME'`],
    handler: counted('shell', shell),
  },
  env: {
    description:
      'a map as lines of an environment file, as sh and systemd read them, names with a prefix if given; or one quoted value',
    example: [`{{ metadata | env: "META_" }}`, 'META_ROOM="b 12"\nMETA_NOZZLE_SIZE=0.4'],
    handler: counted('env', env),
  },
  yaml: {
    description: 'YAML; a list or map over several lines, see indent',
    example: ['{{ node.groups | yaml }}', '- "printers"\n- "lab"'],
    handler: counted('yaml', yaml),
  },
  json: {
    description: 'JSON, indented by that many blanks if given',
    example: ['{{ node.groups | json }}', '["printers","lab"]'],
    handler: counted('json', json),
  },
  systemd_escape: {
    description: 'for the name of a unit, as systemd-escape; of a path with "path"',
    example: ['{{ "/dev/serial/by-id" | systemd_escape: "path" }}.device', 'dev-serial-by\\x2did.device'],
    handler: counted('systemd_escape', systemdEscape),
  },
  ip_address: {
    description: 'the address without its prefix',
    example: ['{{ "10.0.0.5/24" | ip_address }}', '10.0.0.5'],
    handler: counted('ip_address', ipAddress),
  },
  ip_prefix: {
    description: 'the prefix',
    example: ['{{ "10.0.0.5/24" | ip_prefix }}', '24'],
    handler: counted('ip_prefix', ipPrefix),
  },
  ip_netmask: {
    description: 'the netmask',
    example: ['{{ "10.0.0.5/24" | ip_netmask }}', '255.255.255.0'],
    handler: counted('ip_netmask', ipNetmask),
  },
  ip_network: {
    description: 'the network',
    example: ['{{ "fd00::5/64" | ip_network }}', 'fd00::/64'],
    handler: counted('ip_network', ipNetwork),
  },
  ip_add: {
    description: 'the address so many further, in the same network',
    example: ['{{ "10.0.0.5/24" | ip_add: 10 }}', '10.0.0.15/24'],
    handler: counted('ip_add', ipAdd),
  },
  mac: {
    description: 'a MAC address in the form "colon" (default), "dash", "dotted" or "bare"',
    example: ['{{ node.mac | mac: "dash" }}', '52-54-00-12-34-56'],
    handler: counted('mac', mac),
  },
  hostlist: {
    description: 'the names of a hostlist, as a list',
    example: ['{{ "print[08-10]" | hostlist | join: " " }}', 'print08 print09 print10'],
    handler: counted('hostlist', (value) => expandHostlist(textOf(value))),
  },
  indent: {
    description: 'every line but the first that many blanks deeper; the first too with `first: true`',
    example: ['groups:\n  {{ node.groups | yaml | indent: 2 }}', 'groups:\n  - "printers"\n  - "lab"'],
    handler: counted('indent', indent),
  },
  b64: { description: 'Base64', example: ['{{ "a b" | b64 }}', 'YSBi'], handler: counted('b64', b64) },
  sha256: {
    description: 'SHA-256, hexadecimal',
    example: ['{{ "a" | sha256 | slice: 0, 8 }}', 'ca978112'],
    handler: counted('sha256', sha256),
  },
  date: {
    description: 'a time in UTC, by strftime(3); "now" only where the rendering was given a time',
    example: ['{{ "2026-11-20T12:00:00Z" | date: "%A %e %B, %H:%M" }}', 'Friday 20 November, 12:00'],
    handler(value, format) {
      const now = Object.hasOwn(this.context.globals, 'now') ? this.context.globals.now : undefined;
      return counted('date', () => date(value, format, now)).call(this, value);
    },
  },
  join: { description: 'a list as text', example: ['{{ node.groups | join: ", " }}', 'printers, lab'] },
  default: {
    description: 'another value for one that is missing or empty',
    example: ['{{ metadata.floor | default: "ground" }}', 'ground'],
  },
};
