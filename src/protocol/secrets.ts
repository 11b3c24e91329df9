/** A secret as a machine gets it: a file of mode 0600. */
export interface DeliveredSecret {
  readonly path: string;
  readonly owner: string;
  readonly group: string;
  /** Also a systemd credential of this name. */
  readonly credential?: string;
  /** Base64. */
  readonly content: string;
}

export interface MachineSecrets {
  readonly node: string;
  readonly secrets: readonly DeliveredSecret[];
  /** Hashes of passwords, by user. */
  readonly passwords: Readonly<Record<string, string>>;
  /** Why some that config.d names are not among them: by path. */
  readonly missing: Readonly<Record<string, string>>;
}
