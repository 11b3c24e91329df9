import { printableJson } from '../../printable.ts';

/** What stands in a secret's place. */
const REDACTED = '[redacted]';

/** Settings whose value is secret: `rd.iscsi.password`, `statectl.token`, `wpa_psk`, `api_key`, `server.key`. */
const NAME = [
  String.raw`(?:[\w.-]*(?:password|passwd|passphrase|psk|presharedkey|cifspass|token|secret|set_credential(?:_binary)?)`,
  String.raw`(?:[\w.-]*[._-])?pass`,
  String.raw`[\w.-]*(?:api|private|access|auth|shared|signing|encryption|wep)[._-]?key\d?`,
  String.raw`(?![\w.-]*pub(?:lic)?[._-]?key)[\w.-]*\.key)`,
].join('|');

/** Short names that are secret in the query of a URL as well: `?sig=`, `&key=`, `&X-Amz-Signature=`. */
const QUERY_NAME = String.raw`(?![\w.-]*pub(?:lic)?[._-]?key)(?:[\w.-]*[._-])?(?:key|sig|signature|credential|auth)`;

/**
 * A value up to where the kernel's next_arg() ends it, so quotes may stand inside. A quote before `,` `}` `]` `:` or
 * space is taken for the end of a JSON string that holds the command line.
 */
const VALUE = String.raw`(?:\\?"[^"\r\n]*"?|'[^'\r\n]*'?)?(?:[^\s"]+|"(?![\s,}\]:]|$)[^"\r\n]*"?)*`;

const PEM_BEGIN = '(?<keep>-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)';
const PEM_HEADER = String.raw`(?:Proc-Type|DEK-Info|Comment|Version):[^\r\n]*`;
/** A whole line of base64, or the long beginning of one. */
const BASE64_LINE = String.raw`[A-Za-z0-9+/=]{16,}|[A-Za-z0-9+/=]*(?![^\r\n\\])`;

/**
 * In this order. `keep` stays and `secret` goes; without these groups all goes. Each begins with a fixed text or at the
 * start of a word, so that a long line costs linear time.
 */
const RULES: readonly RegExp[] = [
  // A private key to its end; then what looks like one and was cut off.
  new RegExp(`${PEM_BEGIN}(?<secret>(?:(?!-----BEGIN)[^]){0,20000}?)(?=-----END [A-Z0-9 ]*PRIVATE KEY)`, 'g'),
  new RegExp(`${PEM_BEGIN}(?<secret>(?:(?:\\r?\\n|\\\\n)[ \\t]*(?:${PEM_HEADER}|${BASE64_LINE}))+)`, 'g'),
  /AGE-SECRET-KEY-1[0-9A-Z]+/gi,
  // crypt(5) and PHC strings: $6$salt$hash, $y$…, $2b$…, $argon2id$….
  /\\?\$(?:[1567y]|gy|2[abxy]|sha1|argon2(?:id|i|d))\\?\$(?:(?!\[redacted)[^\s$:"'\\]{0,200}\\?\$){1,8}[\w./+=-]{8,}/g,
  // Userinfo: scheme://user:password@host, and the forms of dracut's netroot= without slashes.
  /(?<keep>:\/\/)(?<secret>[^\s/?#"<>]+)(?=@)/g,
  /(?<![\w.-])(?<keep>(?:iscsi|cifs|smb|nbd|ftp):)(?!\/\/)(?<secret>[^\s"]{1,500})(?=@)/gi,
  // Authorization as a header in quotes, as a JSON member, and as a line of its own.
  /(?<keep>(["'])[\w-]*authorization:[ \t]*)(?<secret>(?:(?!\2)[^\r\n])+)/gi,
  /(?<keep>(["'])[\w-]*authorization\2[ \t]*:[ \t]*")(?<secret>(?:\\.|[^"\\\r\n])+)/gi,
  /(?<![\w"'-])(?<keep>[\w-]*authorization[ \t]*[:=][ \t]*)(?<secret>(?:digest|oauth|hawk|signature)\b[^\r\n]*|[^\s"][^\r\n"]*)/gi,
  /\b(?<keep>bearer[ \t]+)(?<secret>[\w.~+/=-]{16,})/gi,
  new RegExp(`(?<keep>[?&](?:${NAME}|${QUERY_NAME})=)(?<secret>[^\\s&#"'<>]+)`, 'gi'),
  // JSON, then a line of YAML, then name=value: with a quote around all of it, or as it comes.
  new RegExp(`(?<keep>"${NAME}"[ \\t]*:[ \\t]*")(?<secret>(?:\\\\.|[^"\\\\\\r\\n])+)`, 'gi'),
  new RegExp(
    `^(?<keep>[ \\t]*(?:-[ \\t]+)?'?${NAME}'?[ \\t]*:[ \\t]+)(?![|>][+-]?\\d?[ \\t]*$)(?<secret>\\S[^\\r\\n]*)`,
    'gim',
  ),
  new RegExp(`(?<=")(?<keep>${NAME}=)(?<secret>[^"\\r\\n]+)`, 'gi'),
  new RegExp(`(?<![\\w.?&-])(?<keep>${NAME}(?:=|[ \\t]+=[ \\t]*))(?<secret>${VALUE})`, 'gi'),
];

/** Every line of a secret becomes one `[redacted]` with its indentation, so line numbers stay right. */
const blot = (secret: string): string => secret.replace(/[^\s](?:[^\r\n]*[^\s])?/g, REDACTED);

/** One finds nearly all; what stands inside another secret can take a second. */
const MAX_PASSES = 5;

interface Groups {
  readonly keep?: string;
  readonly secret?: string;
}

/**
 * Takes secrets out of a text before it goes into a log, a journal or a report: URL userinfo and tokens, Authorization
 * headers, private keys in PEM, password hashes, settings named like a secret. The rest stays as it was, line for line,
 * and redacting twice changes nothing more. A private key that comes one line per call is not recognised.
 */
export function redact(text: string): string {
  let current = text;
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const before = current;
    for (const rule of RULES) current = current.replace(rule, replacement);
    if (current === before) break;
  }
  return current;
}

/** JSON in which every string is redacted by itself, so that it stays JSON, and obeyed by no terminal. */
export const redactedJson = (value: unknown, indent?: number): string =>
  printableJson(value, indent, (_key, field) => (typeof field === 'string' ? redact(field) : field));

function replacement(whole: string, ...rest: readonly unknown[]): string {
  const groups = rest.at(-1);
  if (typeof groups !== 'object') return REDACTED;
  const { keep = '', secret = '' } = groups as Groups;
  return secret === '' ? whole : keep + blot(secret);
}
