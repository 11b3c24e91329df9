import { BOOT_ROOTS } from '../../boot/record/boot-log.ts';
import type { Config } from '../../config/config.ts';
import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { keepStopLogs } from '../../machine/logs/keep-stop-logs.ts';
import { logHome } from '../../machine/logs/log-home.ts';
import { type KeptLog, type LogKind, readRing } from '../../machine/logs/log-ring.ts';
import { type Member, plainChunks, readArchive } from '../../machine/logs/read-archive.ts';
import { machineMounts, RUNNING } from '../../machine/roots.ts';
import { asciiTable } from '../ascii-table.ts';
import { print, printContent, printJson, printLine, remark } from '../print.ts';
import { shownMinute } from '../shown-minute.ts';
import { parseWords, unknownCommand } from './boot-words.ts';
import { settingsOfBoot } from './settings-of-boot.ts';

type LogsHost = Pick<Host, 'files' | 'exec' | 'clock'>;

/** `statectl logs`: what is kept of this boot and of those before it. */
export async function logs(host: LogsHost, [command = 'list', ...words]: readonly string[]): Promise<number> {
  const { values, positionals } = parseWords('logs', {
    args: [...words],
    options: { json: { type: 'boolean' } },
    allowPositionals: true,
  });
  const isJson = values.json ?? false;
  switch (command) {
    case 'list':
      if (positionals.length > 0) throw new StatectlError('usage', 'statectl logs list takes no name');
      return await list(host, isJson);
    case 'show':
      return await show(host, positionals, isJson);
    case 'keep':
      if (positionals.length > 0) throw new StatectlError('usage', 'statectl logs keep takes no name');
      return await keep(host);
    default:
      throw unknownCommand('logs', command);
  }
}

const WHAT: Readonly<Record<LogKind, string>> = {
  log: 'boot',
  failed: 'a boot that failed',
  panic: 'a crash before that boot',
  stop: 'way down',
};

async function list(host: LogsHost, isJson: boolean): Promise<number> {
  const { dir, kept } = await ring(host);
  if (isJson) printJson({ dir, kept });
  else if (kept.length === 0) remark(`${dir} has no logs yet`);
  else {
    print(
      asciiTable([
        ['BOOT', 'WHAT', 'WRITTEN', 'BYTES', 'FILE'],
        ...kept.map(({ number, kind, mtimeMs, sizeBytes, name }) => [
          ...[String(number), WHAT[kind], shownMinute(mtimeMs), String(sizeBytes), name],
        ]),
      ]),
    );
    printLine(`in ${dir}`);
  }
  return 0;
}

async function show(host: LogsHost, [word = '', file, ...more]: readonly string[], isJson: boolean): Promise<number> {
  if (!/^\d+$/.test(word) || more.length > 0)
    throw new StatectlError('usage', 'which boot, and which file of its way down?', {
      hint: '`statectl logs` lists the numbers: statectl logs show 12 [FILE]',
    });
  const { dir, kept } = await ring(host);
  const ofBoot = kept.filter(({ number }) => number === Number(word));
  if (ofBoot.length === 0)
    throw new StatectlError('log-unknown', `no logs of boot ${Number(word)} are kept`, {
      hint: '`statectl logs` lists those that are',
    });
  const stop = ofBoot.find(({ kind }) => kind === 'stop');
  if (file !== undefined) return await showMember(host, dir, stop, file);
  const texts: { name: string; text: string }[] = [];
  for (const { kind, name } of ofBoot)
    if (kind !== 'stop') texts.push({ name, text: await textOf(host, `${dir}/${name}`) });
  const members = stop ? await membersOf(host, `${dir}/${stop.name}`) : [];
  if (isJson) printJson({ texts, ...(stop && { stop: stop.name, members }) });
  else {
    for (const { name, text } of texts) printContent(`# ${name}\n${text}\n`);
    if (stop) {
      print(`# ${stop.name}\n`);
      print(asciiTable(members.map(({ name, sizeBytes }) => [name, String(sizeBytes)])));
    }
  }
  return 0;
}

async function showMember(host: LogsHost, dir: string, stop: KeptLog | undefined, file: string): Promise<number> {
  let found = false;
  if (stop)
    await reading(`${dir}/${stop.name}`, () =>
      readArchive(plainChunks(host.files, `${dir}/${stop.name}`), ({ name }) => {
        if (name !== file.replace(/^\//, '')) return undefined;
        found = true;
        return printContent;
      }),
    );
  if (!found)
    throw new StatectlError('log-unknown', `the way down of that boot has kept no ${file}`, {
      hint: '`statectl logs show NUMBER` lists what it has',
    });
  return 0;
}

async function membersOf({ files }: LogsHost, path: string): Promise<readonly Member[]> {
  const members: Member[] = [];
  await reading(path, () => readArchive(plainChunks(files, path), (member) => void members.push(member)));
  return members;
}

async function textOf({ files }: LogsHost, path: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  await reading(path, async () => {
    for await (const chunk of plainChunks(files, path)) chunks.push(chunk);
  });
  return Buffer.concat(chunks).toString('utf8');
}

async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new StatectlError('log-damaged', `${path} cannot be read: ${reasonOf(cause)}`, {
      cause,
      hint: 'root may read logs; of one that is damaged `tar` may read more',
    });
  }
}

/** What the service of the system does when that stops. */
async function keep(host: LogsHost): Promise<number> {
  const { config } = await settingsOfBoot(host);
  const kept = await keepStopLogs(host, config.log);
  if (!kept) remark('no logs are kept: there is no disk for them, or log.conf says `keep: 0`');
  else
    remark(
      `${kept.dir} has the logs of boot ${kept.number}: ${kept.files} files${kept.left > 0 ? `, ${kept.left} left out or not whole (left-out.txt)` : ''}`,
    );
  return 0;
}

/** In the running system, and in the rescue shell as far as the disks are mounted. Throws `logs-nowhere`. */
async function ring(host: LogsHost): Promise<{ dir: string; kept: readonly KeptLog[] }> {
  const log: Partial<Config['log']> = await settingsOfBoot(host).then(
    ({ config }) => config.log,
    () => ({}),
  );
  const dir = logHome(await machineMounts(host), [RUNNING, ...BOOT_ROOTS], { to: log.to });
  if (dir === undefined)
    throw new StatectlError('logs-nowhere', 'no disk is mounted that logs are kept on', {
      hint: 'they are in /user-data/persistent/logs or /boot/logs of a disk that fstab.conf names, or where log.conf says',
    });
  return { dir, kept: (await host.files.stat(dir)) ? await readRing(host.files, dir) : [] };
}
