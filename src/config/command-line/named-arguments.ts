import type { Config } from '../config.ts';
import type { Plain } from '../tree/tree.ts';
import { allArguments, type CommandLine, getArgument, type PlacedArgument } from './command-line.ts';

const withScheme = (server: string): string => (/^[a-z]+:\/\//i.test(server) ? server : `http://${server}`);

/** A setting that an argument of its own says. */
interface NamedSetting {
  readonly path: readonly string[];
  readonly value: Plain;
  readonly word: PlacedArgument;
  /** The setting beside it that counts no more. */
  readonly instead?: string;
}

/** What `withCommandLine` takes from a command line, and the DHCP arguments of dracut, by their places in config.d. Pure. */
export function namedSettings(commandLine: CommandLine): readonly NamedSetting[] {
  const get = (name: string) => getArgument(commandLine, name);
  const { boot, server } = withCommandLine(NOTHING_SAID, commandLine);
  const [root, image] = [get('root'), get('statectl.image')];
  const servers = get('statectl.server');
  const [dhcp, tries] = [get('rd.net.timeout.dhcp'), get('rd.net.dhcp.retry')];
  return [
    ...(image && boot.image ? [{ path: ['boot', 'image'], value: boot.image, word: image, instead: 'root' }] : []),
    ...(root && boot.root ? [{ path: ['boot', 'root'], value: boot.root, word: root }] : []),
    ...(servers && server.servers.length > 0
      ? [{ path: ['server', 'servers'], value: server.servers, word: servers }]
      : []),
    ...(dhcp && Number(dhcp.value) > 0 ? [{ path: ['network', 'dhcp'], value: `${dhcp.value}s`, word: dhcp }] : []),
    ...(tries && Number(tries.value) > 0
      ? [{ path: ['network', 'tries'], value: Math.floor(Number(tries.value)), word: tries }]
      : []),
  ];
}

const NOTHING_SAID = { boot: {}, server: { servers: [] } } as unknown as Config;

/** The named arguments of the kernel command line win over config.d. Pure. */
export function withCommandLine(config: Config, commandLine: CommandLine): Config {
  const root = getArgument(commandLine, 'root')?.value;
  const image = getArgument(commandLine, 'statectl.image')?.value;
  const servers = allArguments(commandLine, 'statectl.server')
    .flatMap(({ value }) => (value ?? '').split(',').filter(Boolean))
    .map(withScheme);
  return {
    ...config,
    boot: {
      ...config.boot,
      ...(image ? { image, root: undefined } : {}),
      // root=/dev/ram0 and the like are boot loaders' habits that mean "the initramfs decides".
      ...(root !== undefined && !/^\/dev\/(ram\d*|nfs)$/.test(root) ? { root } : {}),
    },
    server: servers.length > 0 ? { ...config.server, servers } : config.server,
  };
}
