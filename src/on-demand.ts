import { createRequire } from 'node:module';
import { getAsset, isSea } from 'node:sea';
import { compileFunction } from 'node:vm';
import { ADMIN_ASSET } from './admin-asset.ts';

type Admin = typeof import('./admin.ts');

let loaded: Admin | undefined;

/** What a boot normally does without: loaded when it is asked for, from the executable or, in a checkout, from src. */
export async function onDemand(): Promise<Admin> {
  if (!isSea()) return import('./admin.ts');
  if (!loaded) {
    const module = { exports: {} as Admin };
    compileFunction(getAsset(ADMIN_ASSET, 'utf8'), ['exports', 'require', 'module'], { filename: ADMIN_ASSET })(
      module.exports,
      createRequire(process.execPath),
      module,
    );
    loaded = module.exports;
  }
  return loaded;
}
