/** The last bytes of a text, from the beginning of a line. */
export function endOf(text: string, bytes: number): string {
  const all = Buffer.from(text);
  if (all.length <= bytes) return text;
  const end = all.subarray(all.length - bytes);
  const line = end.indexOf('\n') + 1;
  return `[${all.length - end.length + line} bytes left out]\n${end.toString('utf8', line)}`;
}
