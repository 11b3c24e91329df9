import { knownHostsLine, sshAuthority } from '../../machines/ssh-authority.ts';
import type { ServerState } from '../server-state.ts';

/** By what SSH clients know every machine: our authority for host keys, and its line for known_hosts. Throws `state-missing`, `ssh-authority-failed`. */
export async function knownHosts(
  { host, files }: ServerState,
  patterns: string,
): Promise<{ readonly authority: string; readonly line: string }> {
  const authority = await sshAuthority(host, (await files()).root);
  return { authority, line: knownHostsLine(authority, patterns) };
}
