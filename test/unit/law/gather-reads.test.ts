import { expect, it } from 'vitest';
import { runPhases } from '../../../src/boot/engine.ts';
import type { Phase } from '../../../src/boot/phase.ts';
import { STORY } from '../../../src/boot/story.ts';
import type { Host } from '../../../src/host/host.ts';
import type { Facts } from '../../../src/machine/facts/facts.ts';
import { NO_FACTS } from '../../../src/machine/facts/found-facts.ts';
import { createBundle, createContent, withBundle } from '../../fixtures/bundle.ts';
import { createDisk, userDataDisk } from '../../fixtures/disks/disk.ts';
import { createImage, createServer, DEBIAN_TREE } from '../../fixtures/image/image.ts';
import { bootHost, type MachineOptions, SERVER } from '../../fixtures/machine.ts';

const IMAGE = createImage({ tree: DEBIAN_TREE });

const WRITES = [
  'write',
  'append',
  'overwrite',
  'mkdir',
  'symlink',
  'rename',
  'remove',
  'chmod',
  'appendStream',
] as const;
/** Programs that only look; the others change something. */
const LOOKS: ReadonlySet<string> = new Set([
  'blkid',
  'du',
  'ip',
  'nslookup',
  'ping',
  'find',
  'tar',
  'unzip',
  'zstd',
  'sh',
  'uname',
]);
const looks = (argv: readonly string[]): boolean =>
  LOOKS.has(argv[0] ?? '') && !(argv[0] === 'ip' && argv.some((word) => /^(?:add|replace|set|flush|del)$/.test(word)));

/** A host that refuses whatever would change the machine, or ask another one. */
function readOnly(host: Host): Host {
  const refuse = (what: string) => async () => {
    throw new Error(`a look must not ${what}`);
  };
  const writes = Object.fromEntries(WRITES.map((name) => [name, refuse(`call files.${name}`)]));
  return {
    ...host,
    files: { ...host.files, ...writes } as Host['files'],
    exec: {
      run: async (argv, options) => {
        if (!looks(argv)) throw new Error(`a look must not run ${argv.join(' ')}`);
        return host.exec.run(argv, options);
      },
    },
    http: { request: (url) => refuse(`ask ${url}`)() },
  };
}

const withReadOnlyLooks = (phase: Phase): Phase => ({
  ...phase,
  rounds: phase.rounds.map((round) => {
    const { gather } = round;
    return gather
      ? {
          ...round,
          gather: (host, facts, task) => gather({ ...host, ...readOnly(host), own: readOnly(host.own) }, facts, task),
        }
      : round;
  }),
});

/** Runs these phases on a machine that no look may change. */
const looksOf = (phases: readonly Phase[], machine: Host) =>
  runPhases(phases.map(withReadOnlyLooks), NO_FACTS as unknown as Facts, machine, {
    journal: async () => {},
    signal: new AbortController().signal,
    breakAt: new Set(),
    openBreak: async () => {},
    firstIndex: 0,
    keep: async () => {},
  });

it.each<[string, () => MachineOptions]>([
  ['from a server, without a disk', () => ({ images: [IMAGE], servers: { [SERVER]: createServer(IMAGE) } })],
  [
    'from a server onto a disk, with a bundle',
    () => ({
      images: [IMAGE],
      disks: [userDataDisk()],
      servers: {
        [SERVER]: withBundle(
          createBundle({ content: createContent([], { network: { dhcpMs: 7000 } } as never) }),
          createServer(IMAGE),
        ),
      },
    }),
  ],
  [
    'from one of several servers, by a bundle that chooses among them in another way',
    () => ({
      images: [IMAGE],
      commandLine: `statectl.server=${SERVER},http://b.lab`,
      servers: {
        'http://b.lab': () => 'refused',
        [SERVER]: withBundle(
          createBundle({ content: createContent([], { server: { choose: 'ordered' } } as never) }),
          createServer(IMAGE),
        ),
      },
    }),
  ],
  [
    'from a partition',
    () => ({
      commandLine: 'root=/dev/vda1',
      disks: [createDisk({ name: 'vda1', files: DEBIAN_TREE }), userDataDisk()],
    }),
  ],
])('every look of a boot %s only looks', async (_title, options) => {
  const machine = bootHost(options());
  const { facts, warnings } = await looksOf(STORY, machine);
  expect(facts.root.init?.path).toBe('/sbin/init');
  expect(warnings.filter((text) => text.includes('a look must not'))).toEqual([]);
});

it.each<[string, NonNullable<Phase['rounds'][number]['gather']>, string]>([
  [
    'writes',
    async ({ files }) => files.write('/run/statectl/x', '').then(() => ({})),
    'a look must not call files.write',
  ],
  ['asks a server', async ({ http }) => http.request(SERVER).then(() => ({})), `a look must not ask ${SERVER}`],
])('a look that %s is seen', async (_title, gather, why) => {
  const run = looksOf([{ name: 'cmdline', rounds: [{ gather }] }], bootHost());
  await expect(run).rejects.toThrow(why);
});
