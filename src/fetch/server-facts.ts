/** A server, and why it stands where it does in the list. */
export interface ServerFacts {
  readonly url: string;
  readonly reason: string;
  /** It takes no new boots, or did not answer well: it is asked when the others fail. */
  readonly isLast?: true;
  readonly roundTripMs?: number;
  /** 0 to 1, as it says itself. */
  readonly load?: number;
}

export interface KnownServers {
  /** In the order in which they are asked; absent until they were chosen. */
  readonly inOrder?: readonly ServerFacts[];
  /** How long the servers were measured. */
  readonly probeMs?: number;
  /** No server so much as answered when it was asked for the bundle: it is not waited for twice. */
  readonly silent?: boolean;
}
