import { describe, expect, it } from 'vitest';
import { cmdline, commandLineLayers, readCommandLine } from '../../../src/boot/phases/cmdline.ts';
import { config } from '../../../src/boot/phases/config.ts';
import { BEFORE_ROOT } from '../../../src/boot/roots.ts';
import { getArgument, initArguments, parseCommandLine } from '../../../src/config/command-line/command-line.ts';
import { withCommandLine } from '../../../src/config/command-line/named-arguments.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { NO_FACTS } from '../../../src/machine/facts/found-facts.ts';
import { parseBegunFacts } from '../../../src/machine/facts/recorded-facts.ts';
import { machineHost } from '../../../src/machine/roots.ts';
import { createConfig, SHIPPED_CONFIG } from '../../fixtures/config.ts';
import { createFacts } from '../../fixtures/facts.ts';
import { bootHost } from '../../fixtures/machine.ts';

function listener() {
  const said: string[] = [];
  const warned: string[] = [];
  const boot = {
    say: (text: string) => void said.push(text),
    warn: (text: string) => void warned.push(text),
    signal: new AbortController().signal,
  };
  return { said, warned, boot };
}

describe('the kernel command line', () => {
  it('has layers: what is baked in, lowest first, and what was typed last', async () => {
    const files = {
      '/etc/cmdline.d/20-b.conf': 'b=2\n',
      '/etc/cmdline.d/10-a.conf': 'a=1\na2=1\n',
      '/etc/cmdline.d/README': 'c=3',
      '/etc/cmdline': 'quiet\n',
      '/proc/cmdline': 'root=LABEL=x\n',
    };
    expect(await commandLineLayers(memoryHost({ files }))).toEqual([
      { origin: '/etc/cmdline.d/10-a.conf', text: 'a=1 a2=1' },
      { origin: '/etc/cmdline.d/20-b.conf', text: 'b=2' },
      { origin: '/etc/cmdline', text: 'quiet' },
      { origin: '/proc/cmdline', text: 'root=LABEL=x' },
    ]);
  });

  it('may be nothing at all', async () => {
    expect(await readCommandLine(memoryHost())).toEqual({ words: [], forInit: [] });
  });

  it('is parsed once, into a fact that is the same when it is read again from JSON', async () => {
    const { boot } = listener();
    const machine = bootHost({
      commandLine: 'ro root="LABEL=my disk" statectl.server= quiet init=/sbin/init 5 -- -b "a b"',
    });
    const found = await cmdline.rounds[0]?.gather?.(machineHost(machine, BEFORE_ROOT), createFacts(), boot);
    expect(found?.commandLine).toEqual(await readCommandLine(machine));
    const again = parseBegunFacts(JSON.stringify({ ...NO_FACTS, ...found })).commandLine;
    expect(again).toStrictEqual(found?.commandLine);
    expect(initArguments(again)).toEqual(['5', '-b', 'a b']);
    expect(getArgument(again, 'root')?.value).toBe('LABEL=my disk');
    expect([getArgument(again, 'ro')?.value, getArgument(again, 'statectl.server')?.value]).toEqual([undefined, '']);
  });

  it('is read with a warning for each argument of ours that nobody knows', async () => {
    const { boot, warned } = listener();
    const machine = bootHost({ commandLine: 'statctl.image=x statectl.server=http://a other.thing=1' });
    await cmdline.rounds[0]?.gather?.(machineHost(machine, BEFORE_ROOT), createFacts(), boot);
    expect(warned).toEqual(['/proc/cmdline: unknown kernel argument statctl.image: did you mean statectl.image?']);
  });

  it('is read with a warning for a label without a value, which no server would take', async () => {
    const { boot, warned } = listener();
    const machine = bootHost({ commandLine: 'statectl.label=rack statectl.label=room=b12,row=3' });
    await cmdline.rounds[0]?.gather?.(machineHost(machine, BEFORE_ROOT), createFacts(), boot);
    expect(warned).toEqual([
      '/proc/cmdline: statectl.label=rack: expected statectl.label=NAME=VALUE; what is no label is ignored',
    ]);
  });
});

describe('what the command line says wins over config.d', () => {
  const merge = (text: string, changes: Parameters<typeof createConfig>[0] = {}) =>
    withCommandLine(createConfig(changes), parseCommandLine([{ origin: '/proc/cmdline', text }]));

  it('and nothing else changes', () => {
    expect(merge('quiet console=ttyS0')).toEqual(SHIPPED_CONFIG);
  });

  it.each([
    ['root=LABEL=a root=LABEL=b', 'LABEL=b'],
    ['root=', ''],
    ['root=/dev/ram0', 'LABEL=mine'],
    ['root=/dev/nfs', 'LABEL=mine'],
    ['quiet', 'LABEL=mine'],
  ])('%s', (text, root) => {
    expect(merge(text, { boot: { root: 'LABEL=mine' } }).boot.root).toBe(root);
  });

  it('an image that is asked for is not a local root', () => {
    expect(merge('statectl.image=lab@2', { boot: { root: 'LABEL=mine' } }).boot).toMatchObject({
      image: 'lab@2',
      root: undefined,
    });
    expect(merge('statectl.image=lab root=LABEL=typed').boot).toMatchObject({ root: 'LABEL=typed' });
  });

  it.each([
    ['statectl.server=http://b:1', ['http://b:1']],
    ['statectl.server=http://b:1,https://c statectl.server=http://d', ['http://b:1', 'https://c', 'http://d']],
    ['statectl.server=10.0.2.2:8080', ['http://10.0.2.2:8080']],
    ['statectl.server=boot.lab', ['http://boot.lab']],
    ['statectl.server=', ['http://configured']],
  ])('%s', (text, servers) => {
    expect(merge(text, { server: { servers: ['http://configured'] } }).server.servers).toEqual(servers);
  });
});

describe('the config phase', () => {
  const gather = async (machine: ReturnType<typeof bootHost>) => {
    const { boot, said } = listener();
    return { said, found: await config.rounds[0]?.gather?.(machineHost(machine, BEFORE_ROOT), createFacts(), boot) };
  };

  it('takes what the builder compiled, without reading a line of YAML', async () => {
    const { found, said } = await gather(bootHost());
    expect(found?.config).toEqual(SHIPPED_CONFIG);
    expect(said).toEqual([]);
  });

  it('reads the files where they are not what was compiled, and says so', async () => {
    const { found, said } = await gather(bootHost({ config: { 'system/network.conf': 'wait: 3s\n' } }));
    expect(found?.config?.network.waitMs).toBe(3_000);
    expect(said).toEqual(['config.d is not what the builder compiled: reading the files']);
  });

  it.each(['', 'null', '{"digest"'])('reads the files where the compiled form is %j', async (text) => {
    expect((await gather(bootHost({ files: { '/config.json': text } }))).found?.config).toEqual(SHIPPED_CONFIG);
  });

  it('stops at a fault, with its line', async () => {
    await expect(gather(bootHost({ config: { 'system/network.conf': 'wiat: 3s\n' } }))).rejects.toMatchObject({
      code: 'config-invalid',
      message: 'system/network.conf:1:1 unknown key "wiat": did you mean "wait"?',
    });
  });

  it('has one digest for one config, whatever machine reads it', async () => {
    const [one, two] = [await gather(bootHost()), await gather(bootHost({ commandLine: 'quiet' }))];
    expect(one.found?.machine?.configDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(two.found?.machine?.configDigest).toBe(one.found?.machine?.configDigest);
  });
});
