import type { Config } from '../config.ts';
import type { ConfigDir } from '../config-dir.ts';
import { effectiveOf } from '../effective.ts';
import type { DeliveredFile } from '../nodes/node-content.ts';
import type { NodeRecord } from '../nodes/nodes.ts';
import { pathFaultOf } from '../templates/render.ts';
import type { TemplateSet } from '../templates/template-set.ts';
import { originOf } from '../tree/tree.ts';
import { unwritable } from './consistency/writable.ts';
import { type ConfigFault, faultAt } from './fault.ts';

/**
 * Files and secrets of a machine that its layout has no place for: the boot would tell, and go on without them. So this is
 * for the check; a bundle or a built config.d that has one is good otherwise. Pure.
 */
export function misplacedFiles(
  dir: ConfigDir,
  templates: TemplateSet,
  node: NodeRecord | undefined,
  { config, files = [] }: { readonly config: Config; readonly files?: readonly DeliveredFile[] },
): readonly ConfigFault[] {
  const said = [
    ...Object.keys(config.etc.files).map((path) => ['etc', 'files', path]),
    ...Object.keys(config.identity.secrets).map((path) => ['identity', 'secrets', path]),
  ].flatMap((setting) => {
    const message = unwritable(config, setting.at(-1) ?? '');
    return message === undefined ? [] : [{ setting, message }];
  });
  const { settings } = said.length > 0 ? effectiveOf(dir, node) : { settings: dir.base };
  const rendered = files.flatMap(({ path, template }) => {
    const message = Object.hasOwn(config.etc.files, path) ? undefined : unwritable(config, path);
    return message === undefined ? [] : [pathFaultOf(templates, template, message)];
  });
  return [...said.map(({ setting, message }) => faultAt(originOf(settings, setting), message)), ...rendered];
}
