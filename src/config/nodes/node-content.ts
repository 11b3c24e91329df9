import { createHash } from 'node:crypto';
import type { MachineIdentity } from '../../protocol/machine-identity.ts';
import { type ConfigFault, faultAt } from '../check/fault.ts';
import type { Config } from '../config.ts';
import type { ConfigDir } from '../config-dir.ts';
import { type Effective, effectiveOf } from '../effective.ts';
import { settingRows, withDefaults } from '../settings/setting-rows.ts';
import type { TemplateContext } from '../templates/context.ts';
import { renderTemplates } from '../templates/render.ts';
import type { RenderedFile } from '../templates/rendered-file.ts';
import type { TemplateSet } from '../templates/template-set.ts';
import { originOf, type Plain, plainOf } from '../tree/tree.ts';
import { findNode, identityOf } from './find-node.ts';
import type { NodeRecord } from './nodes.ts';

/** All that a machine gets of a config.d: what its bundle holds, what `node render` prints. */
export interface NodeContent {
  readonly node: string | undefined;
  readonly groups: readonly string[];
  /** As an admin writes them, without what nobody said. */
  readonly settings: Plain;
  readonly config: Config;
  /** SHA-256 over settings and files: the same digest, the same machine. */
  readonly configDigest: string;
  /** Every one has a path. */
  readonly files: readonly DeliveredFile[];
}

export type DeliveredFile = Pick<RenderedFile, 'content' | 'mode' | 'owner' | 'group' | 'template'> & {
  readonly path: string;
};

export type NodeResult = { readonly content: NodeContent } | { readonly faults: readonly ConfigFault[] };

/** What the templates of a machine can see. */
function contextOf(
  { node, groups, settings, metadata }: Effective,
  machine: MachineIdentity | undefined,
): TemplateContext {
  const known = machine ?? (node && identityOf(node));
  const { macs = [], uuid, serial, arch, hostname, labels = {} } = known ?? {};
  const name = node?.name;
  return {
    node: { name, mac: macs[0], macs, uuid, serial, arch, hostname: hostname ?? name, labels, groups },
    metadata: plainOf(metadata) as { [key: string]: Plain },
    config: withDefaults(settingRows(settings)),
  };
}

/** What the templates of a machine that asks can see. Throws `node-ambiguous`. */
export function contextFor(dir: ConfigDir, machine: MachineIdentity): TemplateContext {
  const node = findNode(dir.nodes, machine);
  return node ? contextOf(effectiveOf(dir, node), undefined) : contextOf(effectiveOf(dir, undefined, machine), machine);
}

/** Renders what one machine gets, offline and on the server alike. Faults are this machine's alone. Pure. */
export function nodeContent(
  dir: ConfigDir,
  templates: TemplateSet,
  node: NodeRecord | undefined,
  machine?: MachineIdentity,
): NodeResult {
  const effective = effectiveOf(dir, node, machine);
  const { config, settings, groups } = effective;
  if (config === undefined) return { faults: effective.faults };
  const written = writtenFiles(config);
  const rendered = renderTemplates(templates, config.etc.templates, contextOf(effective, machine));
  if (rendered.faults.length > 0) return { faults: rendered.faults };
  const files: DeliveredFile[] = [...written];
  for (const { path, ...file } of rendered.files) {
    // Without a path it is served by its name, not delivered.
    if (path === undefined) continue;
    if (Object.hasOwn(config.etc.files, path)) {
      const at = originOf(settings, ['etc', 'files', path]);
      return { faults: [faultAt(at, `${path} also comes from the template ${file.template}`)] };
    }
    files.push({ path, ...file });
  }
  const plain = plainOf(settings);
  const configDigest = createHash('sha256')
    .update(JSON.stringify([plain, files]))
    .digest('hex');
  return { content: { node: node?.name, groups, settings: plain, config, configDigest, files } };
}

/** What system/etc.conf itself says of files. */
export const writtenFiles = ({ etc }: Config): readonly DeliveredFile[] =>
  Object.entries(etc.files).map(([path, file]) => ({ path, template: 'system/etc.conf', ...file }));

/** The same for a machine that asks the server. Throws `node-ambiguous`. */
export function contentFor(dir: ConfigDir, templates: TemplateSet, machine: MachineIdentity): NodeResult {
  const node = findNode(dir.nodes, machine);
  return node ? nodeContent(dir, templates, node) : nodeContent(dir, templates, undefined, machine);
}
