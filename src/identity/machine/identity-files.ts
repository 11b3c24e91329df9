import type { Proof } from '../../protocol/enrolment.ts';

/** What a machine keeps of its identity, in one folder of mode 0700. */
export const identityFiles = (home: string) => ({
  key: `${home}/machine.key`,
  certificate: `${home}/machine.pem`,
  /** Encrypted to `secretsKey`. */
  secrets: `${home}/secrets.age`,
  secretsKey: `${home}/secrets.key`,
});

/** Where a machine whose kept key cannot be opened has another one, for this boot. */
export const bootHome = (to: string): string => `${to}.boot`;

/** What became of a machine that said who it is. */
export interface MachineIdentityState {
  readonly state: 'approved' | 'pending' | 'denied' | 'offline';
  readonly fingerprint: string;
  readonly node?: string;
  readonly proof?: Proof;
  readonly server?: string;
}
