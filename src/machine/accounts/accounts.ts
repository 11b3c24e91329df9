/** passwd(5) and group(5): the numbers of the names in a system. Lines that are none are passed over, as glibc does. Pure. */
export function parseAccounts(text: string): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const line of text.split(/\r?\n/)) {
    const [name = '', , number = ''] = line.split(':');
    // The first of two counts.
    if (/^[^+#-]/.test(name) && isNumber(number) && !numbers.has(name)) numbers.set(name, Number(number));
  }
  return numbers;
}

/** The number of a name, or the number itself; undefined for a name that the system does not know. */
export const accountNumber = (accounts: ReadonlyMap<string, number>, name: string): number | undefined =>
  accounts.get(name) ?? (isNumber(name) ? Number(name) : undefined);

/** chown(2) takes 2^32 - 1 for "as it is". */
const isNumber = (text: string): boolean => /^\d{1,10}$/.test(text) && Number(text) < 2 ** 32 - 1;
