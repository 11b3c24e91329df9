import type { z } from 'zod';
import type { Config } from './config.ts';
import { BootFile } from './schema/boot.ts';
import { NetworkFile } from './schema/network.ts';
import { FstabFile, OverlaysFile, TmpfsFile } from './schema/places.ts';
import { RescueFile } from './schema/rescue.ts';
import { ServerInfoFile } from './schema/server-info.ts';

/**
 * Each file of config.d, declared once: where it lies, what it may say, which part of Config it gives.
 * `cNAME.conf` under controller/ is accepted for every file and wins key by key.
 */
export const CONFIG_FILES = {
  boot: { path: 'system/boot.conf', override: 'controller/cboot.conf', schema: BootFile },
  network: { path: 'system/network.conf', override: 'controller/cnetwork.conf', schema: NetworkFile },
  server: {
    path: 'controller/server/server.info.conf',
    override: 'controller/cserver.info.conf',
    schema: ServerInfoFile,
  },
  rescue: { path: 'controller/rescue.conf', override: 'controller/crescue.conf', schema: RescueFile },
  fstab: { path: 'system/fstab.conf', override: 'controller/cfstab.conf', schema: FstabFile },
  tmpfs: { path: 'controller/tmpfs.conf', override: 'controller/ctmpfs.conf', schema: TmpfsFile },
  overlays: { path: 'system/overlays.conf', override: 'controller/coverlays.conf', schema: OverlaysFile },
} as const satisfies {
  readonly [Part in keyof Config]: { path: string; override: string; schema: z.ZodType<Config[Part]> };
};
