import type { z } from 'zod';
import { BootFile } from '../schema/boot.ts';
import { BtrfsFile } from '../schema/btrfs.ts';
import { DrivesFile } from '../schema/drives.ts';
import { EtcFile } from '../schema/etc.ts';
import { IdentityFile } from '../schema/identity.ts';
import { LogFile } from '../schema/log.ts';
import { LoggingFile } from '../schema/logging.ts';
import { NetworkFile } from '../schema/network.ts';
import { PersistFile } from '../schema/persist.ts';
import { FstabFile, OverlaysFile, TmpfsFile } from '../schema/places.ts';
import { PythonFile } from '../schema/python.ts';
import { RescueFile } from '../schema/rescue.ts';
import { ServerInfoFile } from '../schema/server-info.ts';
import { ServicesFile } from '../schema/services.ts';
import { SourcesFile } from '../schema/sources.ts';
import { SshFile } from '../schema/ssh.ts';
import { StateFile } from '../schema/state/state-file.ts';
import { UpdateFile } from '../schema/update.ts';
import { UsersFile } from '../schema/users.ts';

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
  state: { path: 'system/state.conf', override: 'controller/cstate.conf', schema: StateFile },
  etc: { path: 'system/etc.conf', override: 'controller/cetc.conf', schema: EtcFile },
  services: {
    path: 'controller/services/default-runlevel',
    override: 'controller/cdefault-runlevel.conf',
    schema: ServicesFile,
  },
  identity: { path: 'system/identity.conf', override: 'controller/cidentity.conf', schema: IdentityFile },
  users: { path: 'system/users.conf', override: 'controller/cusers.conf', schema: UsersFile },
  ssh: { path: 'system/ssh.conf', override: 'controller/cssh.conf', schema: SshFile },
  python: { path: 'system/python.conf', override: 'controller/cpython.conf', schema: PythonFile },
  logging: { path: 'system/logging.conf', override: 'controller/clogging.conf', schema: LoggingFile },
  persist: { path: 'system/persist.conf', override: 'controller/cpersist.conf', schema: PersistFile },
  drives: { path: 'controller/drives.conf', override: 'controller/cdrives.conf', schema: DrivesFile },
  btrfs: { path: 'controller/btrfs.conf', override: 'controller/cbtrfs.conf', schema: BtrfsFile },
  update: { path: 'controller/update.chk.conf', override: 'controller/cupdate.chk.conf', schema: UpdateFile },
  log: { path: 'controller/log.conf', override: 'controller/clog.conf', schema: LogFile },
  sources: { path: 'sources/sources.conf', override: 'controller/csources.conf', schema: SourcesFile },
} as const satisfies Readonly<Record<string, { path: string; override: string; schema: z.ZodType }>>;

/** The file of a node, of several alike, or of a group. */
export const NODE_FILE = /^nodes\/[^/]+\.conf$/;
