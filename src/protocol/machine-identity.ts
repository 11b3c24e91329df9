/** What a machine says of itself. Claims, not proofs: they choose settings, never secrets. */
export interface MachineIdentity {
  /** Of every wired card, lower case with colons; the one that it boots from first. */
  readonly macs: readonly string[];
  readonly uuid?: string;
  readonly serial?: string;
  /** As `uname -m` prints it. */
  readonly arch?: string;
  readonly hostname?: string;
  /** What the kernel command line says with `statectl.label=NAME=VALUE`. */
  readonly labels: Readonly<Record<string, string>>;
}

/** What a server takes as statectl.label=; anything else it would refuse, and the machine with it. */
export const isLabel = (text: string): boolean => /^[\w.-]+=[\x20-\x2b\x2d-\x7e]*$/.test(text);

/** `room=b12` → values by name. */
export const labelsByName = (labels: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(labels.map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]));
