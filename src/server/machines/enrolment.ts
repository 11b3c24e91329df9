import type { Claims } from '../../protocol/claims.ts';
import type { Proof } from '../../protocol/enrolment.ts';

/** What was decided of a key. */
export type EnrolmentState = 'pending' | 'approved' | 'denied' | 'revoked';

/** A machine's key, and what became of it. */
export interface Enrolment {
  /** Of the public key: see `keyDigest`. */
  readonly digest: string;
  readonly state: EnrolmentState;
  /** The node that it is, or claims to be; absent: no node file matches what it claims. */
  readonly node?: string;
  readonly proof?: Proof;
  /** Why somebody should look: another key already counts for this node. */
  readonly alarm?: string;
  readonly claims: Claims;
  readonly remote: string;
  /** Unix milliseconds. */
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  readonly certificateUntilMs?: number;
}

export type NewEnrolment = Pick<Enrolment, 'digest' | 'node' | 'alarm' | 'claims' | 'remote'>;
