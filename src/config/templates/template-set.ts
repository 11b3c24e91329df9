import { isUtf8 } from 'node:buffer';
import { basename } from 'node:path/posix';
import type { Host } from '../../host/host.ts';
import { ownersHost } from '../../host/owners-host.ts';
import { faultOf, type TemplateFault } from './template-error.ts';

/** All templates of a config.d, as plain data. Made by `templateSet` or `readTemplates`. */
export interface TemplateSet {
  /** By name relative to templates/, `motd` or `klipper/printer.cfg`; LF line ends, no byte order mark. */
  readonly texts: Readonly<Record<string, string>>;
  /** Files that could not be taken. */
  readonly faults: readonly TemplateFault[];
}

/** One template is a text that a person wrote. */
export const LARGEST_TEMPLATE_BYTES = 256 * 1024;

/** Folders that hold no templates: samples to copy, and cases that show what is rendered. */
const OTHER_FOLDERS = ['examples', 'golden'];

/** Editors' copies, hidden files and README are no templates. */
const isIgnored = (name: string): boolean =>
  /^\.|~$|^#.*#$/.test(basename(name)) || /^README(\.md)?$/.test(basename(name));

/** The templates below config.d/templates/. Never throws for what is in them: see `faults`. */
export const readTemplates = (host: Pick<Host, 'files'>, configDir: string): Promise<TemplateSet> =>
  readTemplateFolder(host, `${configDir}/templates`);

/** The same of any folder. A missing folder has no templates. Symlinks are refused: they may lead outside. */
export async function readTemplateFolder(host: Pick<Host, 'files'>, folder: string): Promise<TemplateSet> {
  const { files } = ownersHost(host, folder);
  const texts: [string, Uint8Array][] = [];
  const faults: TemplateFault[] = [];
  const walk = async (prefix: string): Promise<void> => {
    for (const entry of await files.list(`${folder}/${prefix}`)) {
      const name = prefix + entry;
      if (isIgnored(name)) continue;
      const stat = await files.stat(`${folder}/${name}`);
      if (stat?.type === 'dir') {
        if (!OTHER_FOLDERS.includes(entry)) await walk(`${name}/`);
      } else if (stat?.type !== 'file')
        faults.push(faultOf(name, `is a ${stat?.type ?? 'file that went away'}: only regular files are templates`));
      else if (stat.sizeBytes > LARGEST_TEMPLATE_BYTES) faults.push(faultOf(name, TOO_LARGE));
      else texts.push([name, (await files.readRegular(`${folder}/${name}`, LARGEST_TEMPLATE_BYTES)).bytes]);
    }
  };
  const top = await files.stat(folder);
  if (top?.type === 'dir') await walk('');
  else if (top !== undefined) faults.push({ ...faultOf('', `is a ${top.type}, not a folder`), file: 'templates' });
  const set = templateSet(texts);
  return { texts: set.texts, faults: [...faults, ...set.faults] };
}

/** A set from names and contents, wherever they come from; the same rules as for files. */
export function templateSet(entries: Iterable<readonly [name: string, content: Uint8Array | string]>): TemplateSet {
  const texts: Record<string, string> = Object.create(null);
  const faults: TemplateFault[] = [];
  for (const [name, content] of entries) {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    const fault = faultIn(name, bytes);
    if (fault) faults.push(faultOf(name, fault));
    else
      texts[name] = Buffer.from(bytes)
        .toString('utf8')
        .replace(/^\uFEFF/, '')
        .replaceAll('\r\n', '\n');
  }
  return { texts, faults };
}

const TOO_LARGE = `larger than ${LARGEST_TEMPLATE_BYTES / 1024} KiB`;

function faultIn(name: string, bytes: Uint8Array): string | undefined {
  const segments = name.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..'))
    return `"${name}" leads outside the templates, or is no path`;
  if (/[\p{Cc}\p{Cf}\\]/u.test(name)) return 'has a control character or a backslash in its name';
  if (bytes.length > LARGEST_TEMPLATE_BYTES) return TOO_LARGE;
  if (bytes.includes(0)) return 'is binary: a template is a text';
  if (!isUtf8(bytes)) return 'is not UTF-8';
  return undefined;
}
