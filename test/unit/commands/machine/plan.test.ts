import { afterEach, describe, expect, it, vi } from 'vitest';
import { boot, EXIT } from '../../../../src/boot/boot.ts';
import { printPlan } from '../../../../src/commands/machine/plan.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import type { Facts } from '../../../../src/machine/facts/facts.ts';
import { NO_FACTS, withFound } from '../../../../src/machine/facts/found-facts.ts';
import { FACTS } from '../../../../src/machine/paths.ts';
import { createCopy, createFacts } from '../../../fixtures/facts.ts';
import { createImage, createServer, DEBIAN_TREE } from '../../../fixtures/image/image.ts';
import { bootHost, SERVER } from '../../../fixtures/machine.ts';

afterEach(() => vi.restoreAllMocks());

const NO_LINE = '{"words":[],"forInit":[]}';

/** What `statectl boot --plan` prints, and what it asked of the machine. */
async function plan(files: Record<string, string>, options: Partial<Parameters<typeof printPlan>[1]> = {}) {
  let printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed += chunk;
    return true;
  });
  let told = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    told += chunk;
    return true;
  });
  const host = memoryHost({ files });
  const exit = await printPlan(host, { json: false, ...options });
  return { exit, printed, told, calls: host.calls };
}

/** What a boot left. */
async function factsOfABoot(): Promise<string> {
  const image = createImage({ tree: DEBIAN_TREE });
  const machine = bootHost({ images: [image], servers: { [SERVER]: createServer(image) } });
  expect(await boot(machine)).toBe(EXIT.handOver);
  return machine.files.readText(FACTS);
}

describe('boot --plan', () => {
  it('prints the steps of a boot, each with the command that does it, and touches nothing', async () => {
    const { exit, printed, calls } = await plan({
      [FACTS]: JSON.stringify(createFacts({ config: { overlays: {}, tmpfs: {} } })),
    });
    expect(exit).toBe(0);
    expect(calls).toEqual([]);
    expect(printed.split('\n').filter((line) => line.startsWith('# ') && !line.includes(' ', 2))).toEqual([
      '# devices',
      '# network',
      '# update',
      '# mount',
      '# install',
      '# handover',
    ]);
    expect(printed).toContain(
      '# squashfs on /run/statectl/image from /run/initramfs/image/root.squashfs\nmount -t squashfs -o ro,loop /run/initramfs/image/root.squashfs /run/statectl/image\n',
    );
    expect(printed).toMatch(
      /# switch to \/sysroot and run \/sbin\/init\nprintf %s '.*\n.*\n.*\n' > \S+switch-root\.env\n$/,
    );
  });

  it('reads the facts of another machine with --facts', async () => {
    const { printed } = await plan(
      { '/tmp/facts.json': JSON.stringify(createFacts({ root: { init: { path: '/bin/busybox', arguments: [] } } })) },
      { factsFile: '/tmp/facts.json' },
    );
    expect(printed).toContain('# switch to /sysroot and run /bin/busybox\n');
  });

  it.each<[string, (facts: Facts) => object, string, RegExp]>([
    [
      'another init',
      (facts) => withFound(facts, { root: { init: { path: '/bin/busybox', arguments: ['sh'] } } }),
      'root.init',
      /\nINIT=\/bin\/busybox\nINIT_ARGUMENTS=sh\n' > /,
    ],
    [
      'another server, and no image from it',
      (facts) =>
        withFound(facts, {
          root: { offer: undefined, copy: createCopy() },
          config: { ...facts.config, server: { ...facts.config.server, servers: ['http://b.lab'] } },
        }),
      'root.offer, root.copy, config',
      /images\/\w{64}\/root\.squashfs[^]*# switch to/,
    ],
    [
      'no lease',
      (facts) => ({ ...facts, network: { ...facts.network, leases: null } }),
      'network.leases',
      /^(?![^]*ask boot\.lab)[^]*# switch to \/sysroot and run \/sbin\/init\n/,
    ],
    [
      'none of its looks',
      (facts) => ({ ...facts, looks: [] }),
      'network.interfaces, [^)]*commandLine, config',
      /# switch to \/sysroot and run \/sbin\/init\n/,
    ],
  ])('goes by facts that a person edited, and says so: %s', async (_title, edit, names, expected) => {
    const text = await factsOfABoot();
    expect(await plan({ [FACTS]: text })).toMatchObject({
      told: '',
      printed: expect.stringContaining('# ask boot.lab'),
    });
    vi.restoreAllMocks();
    const { printed, told } = await plan({ [FACTS]: JSON.stringify(edit(JSON.parse(text))) });
    expect(printed.trimEnd()).toMatch(expected);
    expect(told).toMatch(new RegExp(`^${FACTS} was edited \\(${names}[^)]*\\): .*not what ran\n$`));
  });

  it('prints JSON for machines', async () => {
    const { printed } = await plan({ [FACTS]: JSON.stringify(createFacts()) }, { json: true });
    expect(JSON.parse(printed)[0]).toEqual({
      phase: 'devices',
      step: { kind: 'coldplug' },
      text: 'load the drivers of the devices that are there',
      command: expect.stringContaining('modprobe'),
    });
  });

  it.each<[string, string | undefined, string]>([
    ['no facts', undefined, 'facts-missing'],
    ...[
      ...[{}, 'all', [null], [{ phase: 'mount' }], [{ phase: 1, found: {} }], [{ phase: 'mount', found: [] }]],
      ...[null, 'x', []].map((network) => [{ phase: 'mount', found: { network } }]),
    ].map((looks): [string, string, string] => [
      `looks that are none: ${JSON.stringify(looks)}`,
      JSON.stringify({ ...createFacts(), looks }),
      'facts-invalid',
    ]),
    ['half a file', '{"commandLine": [', 'facts-invalid'],
    ['null', 'null', 'facts-invalid'],
    ['a list', '[]', 'facts-invalid'],
    ['facts of a boot that failed before its config phase', `{"commandLine":${NO_LINE}}`, 'facts-invalid'],
    ['a config that is null', `{"commandLine":${NO_LINE},"config":null,"machine":{}}`, 'facts-invalid'],
    ...[
      [{ origin: '/proc/cmdline', text: 'quiet' }],
      [],
      {},
      { words: 'quiet', forInit: [] },
      { words: [null], forInit: [] },
      { words: [{ raw: 'quiet' }], forInit: [] },
      { words: [] },
    ].map((commandLine): [string, string, string] => [
      `facts of another version, with the command line ${JSON.stringify(commandLine)}`,
      JSON.stringify({ ...createFacts(), commandLine }),
      'facts-invalid',
    ]),
    ...Object.keys(NO_FACTS).map((group): [string, string, string] => [
      `facts of another version, without the group ${group}`,
      JSON.stringify({ ...createFacts(), [group]: undefined }),
      'facts-invalid',
    ]),
    ['facts whose machine is a list', JSON.stringify({ ...createFacts(), machine: [] }), 'facts-invalid'],
    [
      'facts of a boot that did not come to its mount phase',
      JSON.stringify(withFound(createFacts(), { root: { tree: undefined } })),
      'facts-incomplete',
    ],
    ['facts of a boot that found no root', JSON.stringify(createFacts({ root: { offer: undefined } })), 'root-missing'],
  ])('says what to do with %s', async (_title, text, code) => {
    await expect(plan(text === undefined ? {} : { [FACTS]: text })).rejects.toMatchObject({
      code,
      hint: expect.any(String),
    });
  });
});
