import { getAsset, getAssetKeys, isSea } from 'node:sea';
import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';

/** The files of initramfs/ by name: what the loader carries, and lists of what else goes into an initramfs. */
export type Scripts = ReadonlyMap<string, Buffer>;

/** Under this folder the executable holds them. */
export const SCRIPT_ASSETS = 'initramfs/';

/** What the executable was built with, or what is in a folder. Throws `scripts-missing`. */
export async function readScripts({ files }: Pick<Host, 'files'>, folder: string | undefined): Promise<Scripts> {
  if (folder !== undefined) {
    const names = await files.list(folder).catch((cause: unknown) => {
      throw new StatectlError('scripts-missing', `--scripts ${folder} is no folder`, {
        cause,
        hint: "name the project's initramfs folder, or leave --scripts out for those in the binary",
      });
    });
    return new Map(
      await Promise.all(names.map(async (name) => [name, await files.read(`${folder}/${name}`)] as const)),
    );
  }
  const keys = isSea() ? getAssetKeys().filter((key) => key.startsWith(SCRIPT_ASSETS)) : [];
  return new Map(keys.map((key) => [key.slice(SCRIPT_ASSETS.length), Buffer.from(getAsset(key))]));
}

/** Throws `scripts-missing`. */
export function scriptOf(scripts: Scripts, name: string): Buffer {
  const data = scripts.get(name);
  if (data) return data;
  throw new StatectlError('scripts-missing', `the scripts of the initramfs lack ${name}`, {
    hint: "name the project's initramfs folder with --scripts",
  });
}
