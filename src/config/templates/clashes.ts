import { dirname } from 'node:path/posix';
import type { RenderedFile } from './rendered-file.ts';
import { faultOf, type TemplateFault } from './template-error.ts';

/** Two files at one path, or a file where another needs a folder: the first stays, the fault names both. */
export function withoutClashes(files: readonly RenderedFile[]) {
  const kept: RenderedFile[] = [];
  const clashes: TemplateFault[] = [];
  const owners = new Map<string, RenderedFile>();
  const folders = new Map<string, RenderedFile>();
  for (const file of files) {
    const { path, template } = file;
    if (path !== undefined) {
      const above = foldersOf(path);
      const other = owners.get(path) ?? folders.get(path) ?? above.map((folder) => owners.get(folder)).find(Boolean);
      if (other) {
        clashes.push(faultOf(template, clashMessage(file, other)));
        continue;
      }
      owners.set(path, file);
      for (const folder of above) folders.set(folder, file);
    }
    kept.push(file);
  }
  return { kept, clashes };
}

function clashMessage({ path, template }: RenderedFile, other: RenderedFile): string {
  const who = other.template === template ? 'another item of this template' : `templates/${other.template}`;
  return other.path === path
    ? `${path} is rendered by ${who} too`
    : `${path} and ${other.path} of ${who}: one would be a file and a folder`;
}

const foldersOf = (path: string): readonly string[] => {
  const above = dirname(path);
  return above === '/' ? [] : [above, ...foldersOf(above)];
};
