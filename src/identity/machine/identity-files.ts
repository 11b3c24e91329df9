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
  /** A `Proof`, or what a later server calls another one. */
  readonly proof?: string;
  readonly server?: string;
}
