/**
 * The label of drives.conf that a reference to a device names: of a partition, of its file system, or of what is mapped where it
 * is encrypted. Pure.
 */
export const labelOf = (reference: string): string | undefined =>
  /^(?:LABEL=|PARTLABEL=|\/dev\/mapper\/)(.+)$/.exec(reference)?.[1];
