import type { MoveOrder } from '../events/move-order.ts';
import type { Enrolment, EnrolmentState } from '../machines/enrolment.ts';
import type { Waiting } from '../machines/pending-place.ts';

/** Which keys; all of them where nothing is said. */
export interface Wanted {
  readonly state?: EnrolmentState;
  /** Those that are this node, or say so. */
  readonly node?: string;
}

/** What the server knows of machines, to be read. */
export interface NodesView {
  /** By the digest of a key. */
  enrolment(digest: string): Promise<Enrolment | undefined>;
  /** Who came first is first. */
  enrolments(wanted?: Wanted): Promise<readonly Enrolment[]>;
  /** Of those who wait what decides who stays, in the same order: anybody may fill that list, and it is read often. */
  waiting(): Promise<readonly Waiting[]>;
  /** In the order in which they were given. */
  moveOrders(): Promise<readonly MoveOrder[]>;
}

/** One transaction: what it reads stays so until it ends. What the rows mean, and which may be there, is decided by who writes them. */
export interface NodesChange extends NodesView {
  /** In the place of what is there of this key. Of a node one key may be approved: the former one is put first. */
  putEnrolment(enrolment: Enrolment): Promise<void>;
  dropEnrolments(digests: readonly string[]): Promise<void>;
  /** In the place of one for the same node, and as the last of all. */
  putMoveOrder(order: Omit<MoveOrder, 'id'>): Promise<void>;
  dropMoveOrders(ids: readonly number[]): Promise<void>;
}

/**
 * The keys of machines, and what was ordered for them. Several processes may use one at once. What is read outside of a
 * transaction may be another a moment later: who writes because of what it read does both in one. Whatever fails is a
 * StatectlError that names the store; `enrolments-unusable` where nothing can be read or written.
 * `test/contract/server/store-suite.ts` says what each adapter holds to.
 */
export interface NodesStore extends NodesView, AsyncDisposable {
  /**
   * One after the other, whoever asks; a task that fails leaves nothing behind. The others wait meanwhile: it awaits nothing but
   * what it is given, and begins no second one. It does nothing else either, since an engine may have to run it again. What it
   * gives is on the disk.
   */
  transaction<T>(task: (nodes: NodesChange) => Promise<T>): Promise<T>;
  /** At once, then after changes by anybody, here or in another process; several may be told as one. Ends with the signal, or the store. */
  changes(signal: AbortSignal): AsyncIterable<void>;
}
