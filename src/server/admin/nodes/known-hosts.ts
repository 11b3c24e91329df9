import { knownHostsLine, sshAuthority } from '../../machines/ssh-authority.ts';
import type { ServerState } from '../server-state.ts';

/** By what SSH clients know every machine: our authority for host keys, and its line for known_hosts. Throws `state-missing`, `ssh-authority-failed`. */
export async function knownHosts(
  { files }: ServerState,
  patterns: string,
): Promise<{ readonly authority: string; readonly line: string }> {
  const { host, root } = await files();
  const authority = await sshAuthority(host, root);
  return { authority, line: knownHostsLine(authority, patterns) };
}
