import { isUtf8 } from 'node:buffer';
import { hostname, userInfo } from 'node:os';
import { InvalidArgumentError } from 'commander';
import { parseDocument, visit } from 'yaml';
import { nearest } from '../../config/check/suggest.ts';
import { PARTS } from '../../config/config-dir.ts';
import type { Author } from '../../config/history/fast-import.ts';
import { CONFIG_FILES } from '../../config/settings/files.ts';
import { readPlain } from '../../config/tree/read-text.ts';
import { type Plain, parsePath, type SettingPath, writePath } from '../../config/tree/tree.ts';
import { reasonOf, StatectlError } from '../../error.ts';
import { linuxHost } from '../../host/linux/host.ts';
import { ownersHost } from '../../host/owners-host.ts';

/** Of an option that says how many revisions. */
export const someRevisions = (text: string): number => {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('expected a number from 1 on.');
  return Number(text);
};

/** Who sits at the keyboard: under sudo the person, not root. */
export const author = (): Author => {
  const name = process.env.SUDO_USER ?? userInfo().username;
  return { name, email: `${name}@${hostname()}` };
};

/** Where a setting stands in a file: a node or group has it below `set`, its own file at the top. */
export function placeIn(
  text: string,
  file: string | undefined,
): { readonly file: string; readonly inFile: SettingPath } {
  const path = parsePath(text);
  if (!path)
    throw new StatectlError('setting-unknown', `"${text}" names no setting`, {
      hint: 'write FILE.SETTING, such as server.tries',
    });
  const [part = '', ...rest] = path;
  if (file?.startsWith('nodes/') && !/^nodes\/[A-Za-z0-9_][\w.-]*\.conf$/.test(file))
    throw new StatectlError('file-unknown', `${file} is no file of a node or group`, {
      hint: 'they are nodes/NAME.conf',
    });
  if (file?.startsWith('nodes/')) {
    const own = ['node', 'group', 'nodes', 'match', 'macs', 'groups', 'metadata', 'set'];
    return { file, inFile: own.includes(part) ? path : ['set', ...path] };
  }
  const known = PARTS.find((one) => one === part);
  if (!known) {
    const meant = nearest(part, PARTS);
    throw new StatectlError('setting-unknown', `there is no setting ${writePath(path)}`, {
      hint: meant ? `did you mean ${writePath([meant, ...rest])}?` : `there are ${PARTS.join(', ')}`,
    });
  }
  if (rest.length === 0)
    throw new StatectlError('setting-unknown', `${part} is a whole file`, {
      hint: `name a setting in it, or edit it: statectl config edit ${CONFIG_FILES[known].path}`,
    });
  const { path: usual, override } = CONFIG_FILES[known];
  if (file === undefined || file === usual || file === override) return { file: file ?? usual, inFile: rest };
  throw new StatectlError('file-unknown', `${file} does not hold ${writePath(path)}`, {
    hint: `it stands in ${usual}, ${override} or a file below nodes/`,
  });
}

/** A value as a person types it: YAML. Throws `value-invalid`. */
export function readValue(text: string): Plain {
  const document = parseDocument(text);
  if (document.warnings.length > 0)
    throw new StatectlError('value-invalid', `"${text}" has a tag, which only an editor can write`, {
      hint: 'write it with `statectl config edit`',
    });
  try {
    for (const error of document.errors) throw error;
  } catch (error) {
    throw new StatectlError('value-invalid', `"${text}" is no YAML value: ${reasonOf(error).split('\n')[0]}`, {
      hint: 'put it in quotes twice: \'"a: b"\'',
    });
  }
  // What is written to the file is the number's own form: 07 would stand there as 7.
  visit(document, {
    Scalar(_key, { value, source }) {
      if (typeof value !== 'number' || source === undefined || source === String(value)) return;
      throw new StatectlError('value-invalid', `${source} would be the number ${value}`, {
        hint: `write ${value}, or, if it is a text, put it in quotes twice: '${JSON.stringify(source)}'`,
      });
    },
  });
  try {
    return document.toJS() as Plain;
  } catch (error) {
    throw new StatectlError('value-invalid', `"${text}" is no YAML value: ${reasonOf(error).split('\n')[0]}`, {
      hint: 'put it in quotes twice: \'"a: b"\'',
    });
  }
}

/** A file of config.d; undefined where there is none. Throws `file-unknown` for what no verb can change. */
export async function readConfigFile(dir: string, file: string): Promise<string | undefined> {
  const { files } = ownersHost(linuxHost(), dir);
  const refuse = (what: string) =>
    new StatectlError('file-unknown', `${dir}/${file} is ${what}: no verb changes it`, {
      hint: 'config.d holds files of text, such as system/boot.conf',
    });
  for (let at = file.indexOf('/'); at > 0; at = file.indexOf('/', at + 1)) {
    const above = await files.stat(`${dir}/${file.slice(0, at)}`);
    if (above && above.type !== 'dir') throw refuse(`below a ${above.type}`);
  }
  const stat = await files.stat(`${dir}/${file}`);
  if (stat === undefined) return undefined;
  if (stat.type !== 'file') throw refuse(stat.type === 'dir' ? 'a folder' : `a ${stat.type}`);
  const bytes = await readPlain(files, `${dir}/${file}`);
  if (typeof bytes === 'string') throw refuse(`no file for a verb, since it ${bytes}`);
  if (!isUtf8(bytes) || bytes.includes(0)) throw refuse('no text');
  return bytes.toString('utf8');
}
