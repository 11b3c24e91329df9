/** Words of which firmware makes what it says where nobody filled a field in. */
const PLACEHOLDERS = new Set(
  (
    'a an and any applicable asset assigned available base baseboard be blank board by change chassis default defined dummy e ' +
    'empty enclosure example filled fill for has here id in invalid is it m mainboard manufacturer me missing model motherboard n ' +
    'na name nil no none not null num number o oem of or part placeholder please pn present product programmed provided ref ' +
    'reserved s sample sample serial serialnumber set settable sku sn specified standard string system tag tbd test the this to ' +
    'todo type unavailable undefined uninitialized unknown unset unspecified uuid value version yet'
  ).split(' '),
);

const SEQUENCES = [
  '01234567890123456789',
  '98765432109876543210',
  '0123456789abcdefghijklmnopqrstuvwxyz',
  'zyxwvutsrqponmlkjihgfedcba',
];
/** Shorter ones are numbers that somebody may have given. */
const SHORTEST_SEQUENCE = 5;

const isSequence = (text: string): boolean =>
  text.length >= SHORTEST_SEQUENCE && SEQUENCES.some((sequence) => sequence.includes(text));

/** One letter or digit again and again: 0000, xxxxxxxx; of those that stand for nothing a single one is enough. */
const isRepeated = (text: string): boolean => /^(?:[0fx]+|(.)\1{3,})$/.test(text);

/** A text of firmware that many machines have alike, so that it tells none apart: "To be filled by O.E.M.", 1234567890. */
export function isPlaceholder(text: string): boolean {
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();
  if (plain === '') return true;
  if (/^[0-9a-f]{8}(?: [0-9a-f]{4}){3} [0-9a-f]{12}$/.test(plain)) return isJunkUuid(plain.replaceAll(' ', '-'));
  const joined = plain.replaceAll(' ', '');
  if (isRepeated(joined) || isSequence(joined)) return true;
  const words = plain.match(/[a-z]+|\d+/g) ?? [];
  return words.every((word) => PLACEHOLDERS.has(word) || isRepeated(word) || isSequence(word));
}

const DIGITS = '0123456789abcdef';
/** Of 31. Of digits by chance 6 are so, and this many never. */
const MOST_STEPS = 20;

/** Neighbours that are the same digit, or the next or the one before, 9 going on with 0 or a. */
const steps = (digits: string): number =>
  [...digits].filter((digit, at) => {
    const next = digits[at + 1];
    if (next === undefined) return false;
    const distance = Math.abs(DIGITS.indexOf(next) - DIGITS.indexOf(digit));
    return distance <= 1 || (digit === '9' && next === '0');
  }).length;

/** A UUID that a maker left in whole series of boards. `uuid`: 36 characters, lower case. */
export function isJunkUuid(uuid: string): boolean {
  const digits = uuid.replaceAll('-', '');
  const [head, tail] = [digits.slice(0, 20), digits.slice(20)];
  // Somebody counted his machines: 11111111-2222-3333-4444-000000000008.
  if (/^0{8}(?!0000)/.test(tail)) return false;
  // Nothing but the address of a card in it: that is the machine's own.
  if (/^(?:0+|f+)$/.test(head)) return steps(tail) >= tail.length - 2;
  // Dell writes its service tag there; where there is none, blanks.
  if (digits.startsWith('4c4c4544') && /(?:20|00|ff){3}$/.test(digits)) return true;
  const bytes = digits.match(/../g) ?? [];
  return (
    steps(digits) >= MOST_STEPS ||
    digits.slice(0, 16) === digits.slice(16) ||
    new Set(bytes).size <= 2 ||
    // 00020003-0004-…: small numbers counted up.
    bytes.every((byte) => byte.startsWith('0'))
  );
}

/** No card of an Ethernet has it: nothing, everybody, or a group. */
export const isJunkMac = (mac: string): boolean =>
  /^00:00:00:00:00/.test(mac) || (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
