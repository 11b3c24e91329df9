import { MACHINE_NODE_ID, SERVER_NODE_ID } from '../../../protocol/state/drbd.ts';
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

/** Room for the bitmap of one other side: with as many as 8.4 has, both sides are of the same size. */
const MAX_PEERS = '1';
const [MACHINE, SERVER] = [String(MACHINE_NODE_ID), String(SERVER_NODE_ID)];

/**
 * Nobody becomes the one who writes by opening it: a look at it before all of it is here would be one. And whoever counts sides
 * (quorum) would stop a machine whose server is away.
 */
const RESOURCE = ['--auto-promote=no', '--quorum=off', '--on-no-data-accessible=io-error'] as const;

/**
 * Behind 64 kbit/s an answer to its ping comes late: after one second, which does for 8.4, this one takes the server for gone, and begins
 * again and again to bring it up to date, which makes what the server has of no moment.
 */
const PING = '--ping-timeout=50';

/** By drbdsetup of 9: what 8.4 has as one is told apart here, of the resource, of the peer, of the peer's device and of the own. Pure. */
export function commands9(volume: Volume): DrbdCommands {
  const { resource, loop } = volume;
  const minor = String(volume.minor);
  const setup = (...words: readonly string[]) => drbdsetup(9, ...words);
  // The peer stays known, with its secret, when the connection is given up.
  const connect = { argv: setup('connect', resource, SERVER) };
  return {
    bringUp: [
      { argv: drbdTool('drbdmeta', '--force', minor, 'v09', loop, 'internal', 'create-md', MAX_PEERS) },
      { argv: setup('new-resource', resource, MACHINE, ...RESOURCE) },
      { argv: setup('new-minor', resource, minor, '0') },
      withSecret(setup('new-peer', resource, SERVER, '--_name=server', ...NET, PING, proofOption(volume))),
      { argv: setup('new-path', resource, SERVER, ...addressesOf(volume, 'ipv4:')) },
      { argv: setup('peer-device-options', resource, SERVER, '0', ...RESYNC) },
      { argv: setup('attach', minor, loop, loop, 'internal', ...DISK) },
      connect,
    ],
    connect,
    primary: [
      { argv: setup('disconnect', resource, SERVER) },
      { argv: setup('primary', resource) },
      // Else the generation begins with what is written first, which may be after both are connected again.
      { argv: setup('new-current-uuid', minor) },
      connect,
    ],
    secondary: setup('secondary', resource),
  };
}
