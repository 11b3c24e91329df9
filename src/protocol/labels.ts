/** What a server takes as statectl.label=; anything else it would refuse, and the machine with it. */
export const isLabel = (text: string): boolean => /^[\w.-]+=[\x20-\x2b\x2d-\x7e]*$/.test(text);

/** `room=b12` → values by name. */
export const labelsByName = (labels: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(labels.map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]));
