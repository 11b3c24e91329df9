import { StatectlError } from '../error.ts';
import { CLAIMS, type Claim, type Claims, normalClaim, readClaims } from '../protocol/claims.ts';

/** One value in its normal form. Throws `machine-invalid`: for what a person types, not for what a machine says. */
export function normalMachineValue(key: Claim, text: string): string {
  const normal = normalClaim(key, text);
  if (normal === undefined) {
    const [what, example] = NAMED[key];
    throw new StatectlError('machine-invalid', `${JSON.stringify(text.slice(0, 80))} is not ${what}`, {
      hint: `like ${example}`,
    });
  }
  return normal;
}

const NAMED: Readonly<Record<Claim, readonly [what: string, example: string]>> = {
  mac: ['a mac', '52:54:00:12:34:56'],
  uuid: ['a uuid', '4c4c4544-0042-3510-8052-b4c04f4e4d32'],
  serial: ['a serial number', 'PF0ABC12, of letters that print'],
  hostname: ['a host name', 'print01'],
  arch: ['an architecture', 'x86_64 or aarch64'],
  labels: ['a label', 'rack=07: NAME=VALUE'],
  macs: ['a list of macs', '52:54:00:12:34:56,52:54:00:12:34:57'],
};

/**
 * The machine in a query string or a body. What cannot be read counts as not said, and `tell` hears of it. Throws
 * `machine-invalid` for what is given twice, since nobody knows which is meant.
 */
export function machineFromQuery(
  query: Readonly<Record<string, unknown>>,
  tell: (odd: string) => void = () => {},
): Claims {
  const said: { [Key in Claim]?: string } = {};
  for (const key of CLAIMS) {
    const value = query[key];
    if (Array.isArray(value)) throw new StatectlError('machine-invalid', `${key} is given more than once`);
    if (typeof value === 'string') said[key] = value;
  }
  const { claims, odd } = readClaims(said);
  odd.forEach(tell);
  return claims;
}

/** The same query again, for a script that asks once more. */
export const machineQuery = (machine: Claims): string =>
  CLAIMS.flatMap((key) =>
    machine[key] === undefined
      ? []
      : [`${key}=${encodeURIComponent(machine[key]).replaceAll('%3A', ':').replaceAll('%2C', ',')}`],
  ).join('&');

/** True when a kernel for `imageArch` can run here. A 32-bit iPXE also runs on 64-bit PCs, so i386 excludes nothing of x86. */
export const runsOn = (imageArch: string, machine: Claims): boolean =>
  machine.arch === undefined || machine.arch === imageArch || (machine.arch === 'i386' && imageArch === 'x86_64');
