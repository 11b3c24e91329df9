import { posix } from 'node:path';
import { moonrakerFaults } from '../../../config/check/moonraker-conf.ts';
import { StatectlError } from '../../../error.ts';
import { shellQuote } from '../../../host/shell-line.ts';
import { chooseConfig } from '../../../print/choose-config.ts';
import { CONFIG_BOUNDS } from '../../../protocol/state/config-files.ts';
import { isMirrorPath } from '../../../protocol/state/mirror.ts';
import { LARGEST_VARIABLES_BYTES } from '../../../protocol/variables/variables-file.ts';
import { copyFarDatabase } from './far-database.ts';
import { fetchFar, wholeOf } from './far-files.ts';
import { type FarHistory, lookAtHistory, type NoHistory, readFarHistory } from './far-history.ts';
import type { FarHost } from './far-host.ts';
import { type FarListing, listFar } from './far-listing.ts';
import type { HostFacts } from './host-facts.ts';
import { homeOf, type Instance } from './instances.ts';
import { readConfigWords } from './klipper-config.ts';
import { readLinked } from './linked-config.ts';
import { lookBeside } from './look-beside.ts';
import type { Remark } from './remark.ts';
import type { FoundPrinter } from './take/taking.ts';

/** A printer of the host: what there is to take, and what a person should know of it. */
export interface LookedAt {
  readonly instance: Instance;
  readonly found: FoundPrinter;
  /** As state.conf says it: below data, or absolute; undefined: as usual. */
  readonly variablesPath: string | undefined;
  readonly configBytes: number;
  readonly gcode: { readonly files: number; readonly bytes: number };
  /** undefined: there is none. */
  readonly databaseBytes: number | undefined;
  readonly left: readonly Remark[];
  readonly lookAt: readonly Remark[];
}

const UUID_BYTES = 4_096;
/**
 * Moonraker makes moonraker-sql.db of it where it finds that without tables, once, and only if Python has lmdb by then; it installs that with
 * pip where it can, which a read-only system cannot. It goes on empty else, and does not try again.
 */
const LMDB =
  'the database of a Moonraker of before 0.9, which is not taken as it is: history of jobs and settings of the interface are in it alone. First, at that host: `~/moonraker-env/bin/pip install lmdb`, update Moonraker and start it again (its log says "Converting LMDB Database to Sqlite"), then adopt it again; before that no machine should boot as the printer';

/** Reads what a printer has, and nothing large. Throws what `FarHost.run` throws, and `adopt-archive`. */
export async function lookAtPrinter(far: FarHost, facts: HostFacts, instance: Instance): Promise<LookedAt> {
  const { data, from, name } = instance;
  const left: Remark[] = [];
  const listing = await listFar(far, from.config);
  if (!listing.isThere)
    throw new StatectlError(
      'adopt-nothing',
      `${from.config} of ${name} is not there, or ${facts.user} may not read it`,
      {
        hint: `log in as ${instance.user}, or name the other printers with --printer NAME=DIR`,
      },
    );
  const main = posix.basename(instance.main);
  const texts = new Map<string, Buffer>();
  const home = homeOf(facts, instance);
  const linked = await readLinked(far, home, from.config, listing);
  const sized = [...linked.files].map(([path, bytes]) => ({ path, sizeBytes: bytes.length }));
  const whole = chooseConfig([...listing.files, ...sized], [], CONFIG_BOUNDS);
  for (const [path, bytes] of linked.files) if (whole.files.has(path)) texts.set(path, bytes);
  const plain = listing.files.filter(({ path }) => whole.files.has(path));
  const fetched = await fetchFar(far, from.config, plain, {
    start: async () => wholeOf,
    async settle(taken) {
      for (const [{ path }, bytes] of taken) texts.set(path, bytes);
    },
  });
  const words = readConfigWords(new Map([...texts].map(([path, bytes]) => [path, bytes.toString('utf8')])), {
    main,
    home,
    own: [data, ...Object.values(from)],
  });
  const { gcodes, folder: gcodesFolder, remark } = await findGcodes(far, home, instance, words.gcodes);
  const variables = variablesOf(home, instance, words.variables);
  const config = new Map([...texts].filter(([path]) => path !== variables.inConfig));
  const variablesBytes =
    variables.inConfig === undefined
      ? await readFar(far, variables.path, LARGEST_VARIABLES_BYTES)
      : texts.get(variables.inConfig);
  const told = (folder: string, path: string) => `${folder}/${path}`;
  for (const [path, why] of whole.left) left.push({ what: told(from.config, path), why });
  const missed = [...fetched.missed, ...linked.missed];
  for (const path of missed)
    left.push({ what: told(from.config, path), why: 'it cannot be read, or changes all the time' });
  const isLinked = new Set(linked.links.map(({ path }) => path));
  for (const { path, why } of listing.left) if (!isLinked.has(path)) left.push({ what: told(from.config, path), why });
  for (const { path, why } of gcodes.left) left.push({ what: told(gcodesFolder, path), why });
  for (const { path } of gcodes.files)
    if (!isMirrorPath(path))
      left.push({ what: told(gcodesFolder, path), why: 'its name is longer than names are kept' });
  for (const [folder, one] of [
    [from.config, listing],
    [gcodesFolder, gcodes],
  ] as const) {
    if (!one.isThere) left.push({ what: folder, why: 'it is not there, or cannot be read' });
    if (one.isCut) left.push({ what: folder, why: 'it has more files than are kept: the first 20000 are taken' });
  }
  const { remarks, databaseBytes, hasLmdb } = await lookBeside(far, instance);
  left.push(...remarks);
  const history = await lookAtHistory(far, from.config);
  left.push(...historyRemarks(from.config, history));
  const files = gcodes.files.filter(({ path }) => isMirrorPath(path));
  if (databaseBytes === undefined && !hasLmdb)
    left.push({ what: from.database, why: 'there is no database of Moonraker in it (moonraker-sql.db)' });
  const moonraker = texts.get('moonraker.conf')?.toString('utf8');
  return {
    instance,
    found: {
      name,
      gcodes: { folder: gcodesFolder, listing: gcodes },
      config: {
        files: config,
        isWhole: listing.isWhole && missed.length === 0,
        ...(history &&
          'head' in history && {
            history: { ...history, read: () => readFarHistory(far, from.config) },
          }),
        mtimeMs: Math.max(0, ...plain.map(({ mtimeNs }) => Number(BigInt(mtimeNs) / 1_000_000n))),
      },
      variables: variablesBytes,
      async database() {
        if (databaseBytes === undefined) return undefined;
        const copied = await copyFarDatabase(far, from.database, {
          programs: facts.programs,
          sizeBytes: databaseBytes,
        });
        return { file: copied.bytes, how: copied.how, uuid: await readFar(far, `${data}/.moonraker.uuid`, UUID_BYTES) };
      },
    },
    variablesPath: variables.setting,
    configBytes: [...config.values()].reduce((sum, { length }) => sum + length, 0),
    gcode: { files: files.length, bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) },
    databaseBytes,
    left,
    lookAt: [
      ...instance.others.map((name) => ({
        what: `${name}.service`,
        why: `another Klipper that works on ${data}: only one of them is this printer; give each a folder of its own first`,
      })),
      ...(databaseBytes === undefined && hasLmdb ? [{ what: `${from.database}/data.mdb`, why: LMDB }] : []),
      ...(remark ? [remark] : []),
      ...linked.links.map(({ path, target }) => ({
        what: `${path} is a link to ${target}`,
        why: 'its content is taken as files of its own, which no update of that program changes any more',
      })),
      ...words.missing.map((what) => ({
        what,
        why: 'printer.cfg includes it, and it is no file of the config: Klipper will not start without',
      })),
      ...words.boards.map(({ file, line, text }) => ({
        what: `${file}:${line} ${text}`,
        why: 'a board: it has to be called so at the new host, too',
      })),
      ...words.paths.map(({ file, line, text }) => ({
        what: `${file}:${line} ${text}`,
        why: 'a path of the old host: is it in the image?',
      })),
      ...(moonraker === undefined ? [] : moonrakerFaults(moonraker)).map(({ line, message }) => ({
        what: `moonraker.conf${line === undefined ? '' : `:${line}`}`,
        why: message,
      })),
    ],
  };
}

/** A small file; undefined: it is none. */
async function readFar(far: FarHost, path: string, mostBytes: number): Promise<Buffer | undefined> {
  const script = `[ -f ${shellQuote(path)} ] || exit 3; exec head -c ${mostBytes} ${shellQuote(path)}`;
  const bytes = await far.read(script, mostBytes, { good: [0, 1, 3] });
  return bytes.length === 0 ? undefined : bytes;
}

/**
 * The gcode of a printer: below its data, where Moonraker has it, or where printer.cfg says that Klipper prints from, if that is
 * elsewhere and all that there is.
 */
async function findGcodes(
  far: FarHost,
  home: string,
  { data, from, isOld }: Instance,
  said: string | undefined,
): Promise<{ readonly folder: string; readonly gcodes: FarListing; readonly remark?: Remark }> {
  const usual = { folder: from.gcodes, gcodes: await listFar(far, from.gcodes) };
  const path = said === undefined ? from.gcodes : posix.resolve(home, said.replace(/^~(?=\/)/, home));
  const same = `[ ${shellQuote(path)} -ef ${shellQuote(from.gcodes)} ] && printf same; :`;
  if (path === from.gcodes || (await far.read(same, 16)).length > 0) return usual;
  const other = { folder: path, gcodes: await listFar(far, path) };
  const what = `printer.cfg: [virtual_sdcard] path: ${said}`;
  if (!other.gcodes.isThere || (!isOld && usual.gcodes.files.length > 0))
    return {
      ...usual,
      remark: {
        what,
        why: `what is there is not taken: Moonraker has gcode in ${data}/gcodes alone, and Klipper has to print from there`,
      },
    };
  return {
    ...other,
    remark: { what, why: `the gcode of there becomes ${data}/gcodes, from which Klipper has to print: say that path` },
  };
}

/** Where the saved variables are today, and as state.conf will say it. */
function variablesOf(home: string, { data, from }: Instance, said: string | undefined) {
  const path = posix.resolve(home, (said ?? `${from.config}/variables.cfg`).replace(/^~(?=\/)/, home));
  const inConfig = path.startsWith(`${from.config}/`) ? path.slice(from.config.length + 1) : undefined;
  const setting =
    inConfig !== undefined ? `config/${inConfig}` : path.startsWith(`${data}/`) ? path.slice(data.length + 1) : path;
  return { path, inConfig, setting: said === undefined ? undefined : setting };
}

/** What of a history stays, and what it was good for. */
function historyRemarks(folder: string, history: FarHistory | NoHistory | undefined): readonly Remark[] {
  if (history === undefined) return [];
  const what = `${folder}/.git`;
  return [
    ...('why' in history
      ? [
          {
            what,
            why: `a history of its own, which begins anew on this server with what the files are today: ${history.why}`,
          },
        ]
      : []),
    ...history.remotes.map((url) => ({
      what: `${what}: ${url}`,
      why: 'where its history was pushed to: what lets somebody in there stays, and nothing here pushes',
    })),
  ];
}
