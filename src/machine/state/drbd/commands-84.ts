import {
  addressesOf,
  DISK,
  type DrbdCommands,
  drbdsetup,
  drbdTool,
  NET,
  proofOption,
  RESYNC,
  type Volume,
  withSecret,
} from './command-words.ts';

const PING = '--ping-timeout=10';

/** By drbdsetup-84: one peer, whose options and secret are told with each `connect`. Pure. */
export function commands84(volume: Volume): DrbdCommands {
  const { resource, loop } = volume;
  const minor = String(volume.minor);
  const setup = (...words: readonly string[]) => drbdsetup(8, ...words);
  const addresses = addressesOf(volume, '');
  const connect = withSecret(setup('connect', resource, ...addresses, ...NET, PING, proofOption(volume)));
  return {
    bringUp: [
      { argv: drbdTool('drbdmeta', '--force', minor, 'v08', loop, 'internal', 'create-md') },
      { argv: setup('new-resource', resource) },
      { argv: setup('new-minor', resource, minor, '0') },
      { argv: setup('attach', minor, loop, loop, 'internal', ...DISK, ...RESYNC) },
      connect,
    ],
    connect,
    primary: [{ argv: setup('disconnect', ...addresses) }, { argv: setup('primary', minor) }, connect],
    secondary: setup('secondary', minor),
  };
}
