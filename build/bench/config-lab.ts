import type { Files } from '../../src/host/host.ts';
import { memoryHost } from '../../src/host/memory.ts';

const GROUPS = 20;

export const macOf = (node: number): string => `5254${node.toString(16).padStart(8, '0')}`.replace(/..(?=.)/g, '$&:');

/**
 * A config.d of a large lab, in memory: every node has a file of its own, two of twenty groups, metadata and a setting;
 * each gets two files from templates and one from its settings.
 */
export function labOf(nodes: number): { readonly host: { readonly files: Files }; readonly dir: string } {
  const files: Record<string, string> = {
    'controller/server/server.info.conf': 'servers: ["http://192.168.7.1:8080", "http://192.168.7.2:8080"]\n',
    'controller/tmpfs.conf': '/tmp: { size: 50%, mode: "1777", options: [noexec, nosuid, nodev] }\n',
    'system/overlays.conf': '/etc: { kind: ramdisk, size: 64M }\n/var: { kind: overlay }\n',
    'system/etc.conf': 'templates: [motd, lab.env]\nfiles: { /etc/lab: { text: "lab\\n" } }\n',
    'templates/motd':
      '---\npath: /etc/motd\n---\n{{ node.name }} in {{ metadata.room }}: {{ node.groups | join: ", " }}\n',
    'templates/lab.env': '---\npath: /etc/default/lab\nmode: "0600"\n---\n{{ metadata | env }}',
  };
  for (let group = 0; group < GROUPS; group += 1)
    files[`nodes/group${group}.conf`] =
      `group: group${group}\nmetadata: { room: B${group}, rack: r${group} }\nset:\n  server: { tries: ${group + 1} }\n`;
  for (let node = 0; node < nodes; node += 1) {
    const groups = `[group${node % GROUPS}, group${(node * 7 + 3) % GROUPS}]`;
    files[`nodes/node${node}.conf`] =
      `match: { mac: "${macOf(node)}" }\ngroups: ${groups}\nmetadata: { seat: ${node} }\nset:\n  rescue: { attempts: ${(node % 9) + 1} }\n`;
  }
  const dir = '/config.d';
  const seeds = Object.entries(files).map(([name, text]) => [`${dir}/${name}`, text]);
  return { host: memoryHost({ files: Object.fromEntries(seeds) }), dir };
}
