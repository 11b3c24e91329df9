/** What editors, Moonraker and Klipper leave beside a config, by the last part of the path. */
const NOISE: readonly RegExp[] = [
  /^\..*\.sw[a-px]x?$|\.sw[op]$/,
  /^4913$/,
  /~$/,
  /^#.*#$/,
  /^\.#/,
  /^\.moonraker\.conf\.bkp$/,
  /^\.?(?:___jb_tmp___|goutputstream-)/,
  /^\.statectl-/,
  /\.(?:tmp|part)$/i,
];
/** configfile.py: `BASE-%Y%m%d_%H%M%S.cfg` is what BASE.cfg was; `BASE_autosave.cfg` becomes BASE.cfg in a moment. */
const BACKUP = /^(.+)-(\d{8}_\d{6})\.cfg$/;
const AUTOSAVE = /^(.+)_autosave\.cfg$/;

/** The config of which Klipper rewrites a part. */
export const MAIN_CONFIG = 'printer.cfg';

/** Whether a file is no state: what an editor or a rewrite leaves, and dated backups, which are the history. Pure. */
export function isPassing(path: string, all: ReadonlySet<string>): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (NOISE.some((noise) => noise.test(name))) return true;
  const base = (BACKUP.exec(name) ?? AUTOSAVE.exec(name))?.[1];
  if (base === undefined) return false;
  const sibling = `${path.slice(0, path.length - name.length)}${base}.cfg`;
  // Between two renames of SAVE_CONFIG there is no printer.cfg.
  return all.has(sibling) || sibling === MAIN_CONFIG;
}

/** Dated backups of printer.cfg, the newest first. Pure. */
export const backupsAmong = (names: readonly string[]): readonly string[] =>
  names.filter((name) => BACKUP.exec(name)?.[1] === 'printer').toSorted((a, b) => (a < b ? 1 : -1));

/** What SAVE_CONFIG wrote and did not yet rename. */
export const UNFINISHED = 'printer_autosave.cfg';

const LONGEST_NAME_BYTES = 255;
const LONGEST_PATH_BYTES = 1024;

/**
 * Why a path is none that a config may have, on either side; undefined: it may. git, and what follows it on other systems,
 * takes some for its own. Pure.
 */
export function pathFault(path: string): string | undefined {
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES) return `its path is longer than ${LONGEST_PATH_BYTES} bytes`;
  for (const part of path.split('/')) {
    if (part === '' || part === '.' || part === '..') return 'it is no path below the folder';
    if (Buffer.byteLength(part) > LONGEST_NAME_BYTES) return `its name is longer than ${LONGEST_NAME_BYTES} bytes`;
    if (/[\p{Cc}\p{Cf}\u2028\u2029\ufffd]|\p{Cs}/u.test(part)) return 'its name has a sign that cannot be shown';
    if (part.includes('\\')) return 'its name has a backslash';
    if (/^(?:\.git|git~\d)/i.test(part)) return 'its name is of git';
  }
  return undefined;
}
