/** `AA-BB-…`, `aa:bb:…`, `aabb.ccdd.eeff` or twelve digits → `aa:bb:cc:dd:ee:ff`; undefined when it is no MAC. */
export function normaliseMac(text: string): string | undefined {
  const groups = text.trim().toLowerCase().split(/[:-]/);
  const digits =
    groups.length === 6 ? groups.map((group) => group.padStart(2, '0')).join('') : text.trim().toLowerCase();
  const hex = /^(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}$/.test(digits) ? digits.replaceAll('.', '') : digits;
  return /^[0-9a-f]{12}$/.test(hex) ? hex.replace(/..(?=.)/g, '$&:') : undefined;
}

/** PXELINUX's `BOOTIF=01-aa-bb-cc-dd-ee-ff` (the ARP hardware type, then the address) → MAC; undefined when it is none. */
export function parseBootif(text: string): string | undefined {
  return normaliseMac(text) ?? normaliseMac(text.trim().replace(/^[0-9a-f]{1,2}[:-]/i, ''));
}
