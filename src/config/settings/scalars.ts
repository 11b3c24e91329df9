import { z } from 'zod';
import { entryOf } from '../../entry-of.ts';
import { parseMac } from '../../protocol/mac-address.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** `10s`, `500ms`, `5m`, `2h`; a bare number is seconds. Gives milliseconds. */
export const Duration = z
  .union([z.string(), z.number()], { error: 'expected a duration such as 10s, 500ms or 5m' })
  .transform((value, context): number => {
    const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)?$/.exec(String(value).trim());
    if (!match) {
      context.addIssue({ code: 'custom', message: `expected a duration such as 10s, 500ms or 5m, found "${value}"` });
      return z.NEVER;
    }
    return Math.round(Number(match[1]) * (entryOf(UNITS, match[2] ?? 's') ?? 1000));
  });

/** `64M`, `1G`, `512k`, `50%`: what tmpfs(5) takes as `size=`. */
export const Size = z
  .union([z.string(), z.number()], { error: 'expected a size such as 64M, 1G or 50%' })
  .transform(String)
  .refine((value) => /^(\d+[kKmMgG]?|\d{1,2}%|100%)$/.test(value) && !/^0/.test(value), {
    message: 'expected a size such as 64M, 1G or 50%',
  });

const POWERS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** `512M`, `20G`, `2T`, in powers of 1024; a bare number is bytes. Gives bytes. */
export const Bytes = z
  .union([z.string(), z.number()], { error: 'expected a size such as 512M, 20G or 2T' })
  .transform((value, context): number => {
    const match = /^([1-9]\d*)([KMGT])?$/i.exec(String(value));
    if (match) return Number(match[1]) * (entryOf(POWERS, match[2]?.toUpperCase() ?? '') ?? 1);
    context.addIssue({ code: 'custom', message: `expected a size such as 512M, 20G or 2T, found "${value}"` });
    return z.NEVER;
  });

/** Octal permission bits in quotes, `"1777"`. Gives the number. */
export const Mode = z
  .string({ error: 'expected octal permissions in quotes, such as "1777"' })
  .regex(/^[0-7]{3,4}$/, 'expected octal permissions in quotes, such as "1777"')
  .transform((text) => Number.parseInt(text, 8));

/** An absolute path without `.`, `..` or a slash at the end. */
export const AbsolutePath = z
  .string()
  .refine((path) => /^\/[^\0]*$/.test(path) && path !== '/' && !path.endsWith('/') && !/\/(\.{0,2})(\/|$)/.test(path), {
    message: 'expected an absolute path such as /var, without "..", "." or a slash at the end',
  });

/** A file system by what it is called, not where it is plugged in; /dev/… where there is no other way. */
export const DeviceReference = z
  .string()
  .regex(
    /^(?:LABEL|UUID|PARTUUID|PARTLABEL)=.+$|^\/dev\/\S+$/,
    'expected LABEL=…, UUID=…, PARTUUID=…, PARTLABEL=… or /dev/…',
  );

/** mount(8) options as a list; a comma-separated string is taken apart. */
export const MountOptions = z
  .union(
    [
      z.string().transform((text) => text.split(',').filter(Boolean)),
      z.array(z.string().regex(/^[^,\s]+$/, 'expected one option without blanks')),
    ],
    { error: 'expected options such as [noatime, nosuid]' },
  )
  .transform((options): readonly string[] => options);

const A_MAC = 'expected a MAC address such as 52:54:00:12:34:56';

/** In any notation, BOOTIF's `01-…` too. Gives `52:54:00:12:34:56`. */
export const MacAddress = z
  .string({ error: `${A_MAC}, in quotes where it is of digits alone` })
  .transform((text, context): string => {
    const mac = parseMac(text);
    if (mac !== undefined) return mac;
    context.addIssue({ code: 'custom', message: `${A_MAC}, found "${text}"` });
    return z.NEVER;
  });

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/** RFC 1123: labels of letters, digits and hyphens. */
export const HostName = z
  .string()
  .refine((name) => name.length <= 253 && name.split('.').every((label) => LABEL.test(label)), {
    message: 'expected a host name such as print01 or print01.lab.example',
  });

const ACCOUNT = '[a-z_][a-z0-9_.-]{0,30}\\$?';

/** useradd(8): what Debian takes as a name of a user or group. */
export const AccountName = z
  .string()
  .regex(new RegExp(`^${ACCOUNT}$`), 'expected a name of small letters, digits, "_" and "-"');

/** `user:group`, names or numbers; without a group the user's name is taken. */
export const Owner = z
  .string()
  .regex(new RegExp(`^(${ACCOUNT}|\\d+)(:(${ACCOUNT}|\\d+))?$`), 'expected user:group, such as root:root or 1000:1000')
  .transform((text) => {
    const [owner = '', group = owner] = text.split(':');
    return { owner, group };
  });

/** A systemd unit (`ssh`, `ssh.service`, `fstrim.timer`) or a service of OpenRC. */
export const Service = z
  .string()
  .regex(/^[A-Za-z0-9:_.\\@-]+$/, 'expected a unit or service such as ssh or fstrim.timer');

/** One line of an authorized_keys or CA file, sshd(8). */
export const SshPublicKey = z
  .string()
  .regex(
    /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+|sk-[a-z0-9@.-]+) [A-Za-z0-9+/=]+(?: [^\n]*)?$/,
    'expected a public key such as "ssh-ed25519 AAAA… name"',
  );

/** RFC 7468, one certificate. */
export const Certificate = z
  .string()
  .regex(
    /^-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+\n-----END CERTIFICATE-----\n*$/,
    'expected a certificate in PEM, below `|`',
  );

/** What is not in config.d but on the server, encrypted: `secret:NAME`. */
export const SecretReference = z
  .string()
  .regex(/^secret:[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected secret:NAME: secrets never stand in config.d');

/** An address or name with a port, `log.lab:514` or `[fd00::1]:514`. */
export const HostPort = z.string().refine((text) => {
  const port = /^(?:\[[0-9a-f:.]+\]|[a-z0-9.-]+):(\d{1,5})$/i.exec(text)?.[1];
  return port !== undefined && Number(port) > 0 && Number(port) < 65_536;
}, 'expected HOST:PORT, such as log.lab:514');

/** A server, or a location to fetch from. */
export const HttpUrl = z.url({ protocol: /^https?$/, error: 'expected http://HOST:PORT or https://HOST:PORT' });

/** Lower-case hex. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 of 64 hex digits');
