import { entryOf } from '../../../entry-of.ts';
import { shellQuote } from '../../../host/shell-line.ts';
import type { FarHost } from './far-host.ts';
import type { Instance } from './instances.ts';
import type { Remark } from './remark.ts';

/** What a printer has beside what is taken, and what becomes of it. */
const BESIDE: Readonly<Partial<Record<string, string>>> = {
  logs: '',
  comms: '',
  misc: '',
  systemd: '',
  config: '',
  gcodes: '',
  database: '',
  'moonraker.asvc': 'Moonraker manages no services of a read-only system',
  'moonraker.secrets': 'passwords of Moonraker are secrets: `statectl secret add`',
  timelapse: 'what timelapse recorded is copied by hand, if it is wanted',
  certs: 'certificates of Moonraker are secrets: `statectl secret add`, or those of the machine itself',
  backup: 'the server keeps what came before',
};

/** What else lies in the folder of the printer, and how large its database is. */
export async function lookBeside(
  far: FarHost,
  { data, from, isOld }: Instance,
): Promise<{
  readonly remarks: readonly Remark[];
  readonly databaseBytes: number | undefined;
  /** A database of before Moonraker 0.9. */
  readonly hasLmdb: boolean;
}> {
  const database = shellQuote(`${from.database}/moonraker-sql.db`);
  const script = `
[ -f ${database} ] && printf 'size %s\\n' "$(stat -L -c %s ${database})"
[ -f ${shellQuote(`${from.database}/data.mdb`)} ] && printf 'lmdb\\n'
if cd ${shellQuote(data)} 2>/dev/null; then
  for name in * .[!.]*; do [ -e "$name" ] && printf 'name %s\\n' "$name"; done
  for name in gcodes config database; do [ -L "$name" ] && printf '%s\\n' "link $name $(readlink "$name")"; done
fi
:`;
  const remarks: Remark[] = [];
  let databaseBytes: number | undefined;
  let hasLmdb = false;
  for (const line of (await far.read(script, 1 << 20)).toString('utf8').split('\n').filter(Boolean).slice(0, 200)) {
    const [, link, target] = /^link (\w+) (.*)$/.exec(line) ?? [];
    const [, size] = /^size (\d{1,15})$/.exec(line) ?? [];
    const [, name] = /^name (.*)$/.exec(line) ?? [];
    if (size !== undefined) databaseBytes = Number(size);
    else if (line === 'lmdb') hasLmdb = true;
    else if (link !== undefined)
      remarks.push({
        what: `${data}/${link}`,
        why: `it is a link to ${target}: what is in it was taken as if it was here`,
      });
    else if (!isOld && name !== undefined && name !== '.moonraker.uuid') {
      const why = entryOf(BESIDE, name) ?? 'nothing that a printer keeps: it stays at the old host';
      if (why !== '') remarks.push({ what: `${data}/${name}`, why });
    }
  }
  return { remarks, databaseBytes, hasLmdb };
}
