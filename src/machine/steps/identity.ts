import { reasonOf } from '../../error.ts';
import { shellLine } from '../../host/shell-line.ts';
import type { Enrolling } from '../../identity/machine/enrolling.ts';
import { hostKeyFiles, placeHostKey } from '../../identity/machine/ssh-host-key.ts';
import { identityPart } from '../../on-demand.ts';
import { type BringAccounts, bringAccounts } from '../accounts/merge-accounts.ts';
import { kind } from './kind.ts';
import { tolerant } from './shell-text.ts';

/** Who the machine is, and who is known on it. */
export const identity = {
  /** Proves who this machine is, gets its certificate and secrets; what came of it is told in `to`. */
  enrol: kind<Enrolling>({
    located: (step, at) => ({ ...step, home: at(step.home), to: at(step.to) }),
    describe: ({ urls }) =>
      urls.length > 0
        ? `prove to ${urls.map((url) => new URL(url).host).join(', ')} who this machine is`
        : 'take the certificate and secrets that this machine kept',
    async apply(step, host, task) {
      const { enrolMachine } = await identityPart();
      // Whatever becomes of it, the machine boots.
      await enrolMachine(step, host, task).catch((error) => {
        task.signal.throwIfAborted();
        task.warn(`this machine could not prove who it is: ${reasonOf(error)}`);
      });
    },
  }),

  /** Merges the accounts of config.d into those of a system. Password hashes are read where secrets were put: no step has one. */
  accounts: kind<BringAccounts>({
    located: (step, at) => ({ ...step, root: at(step.root), passwords: at(step.passwords) }),
    describe: ({ users: { users, groups } }) =>
      `accounts: ${[...Object.keys(users), ...Object.keys(groups)].join(' ')}`,
    apply: (step, host, task) => bringAccounts(step, host, task),
  }),

  /** Gives the system's sshd the host key that this machine keeps, with its certificate. */
  'ssh-host-key': kind<{ readonly home: string; readonly to: string }>({
    located: (step, at) => ({ ...step, home: at(step.home), to: at(step.to) }),
    describe: ({ to }) => `SSH host key in ${to}`,
    command: ({ home, to }) =>
      tolerant(to, [
        shellLine(['mkdir', '-p', '-m', '0711', to]),
        // The controller alone makes one: only what the machine kept. Not every one is signed.
        ...Object.values(hostKeyFiles(home)).map((path) => shellLine(['cp', '-p', path, to])),
      ]),
    apply: ({ home, to }, host) => placeHostKey(host, home, to),
  }),
};
