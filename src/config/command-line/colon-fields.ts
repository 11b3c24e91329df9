/** Cuts at colons outside brackets, and takes the brackets off; undefined when a bracket is not closed. */
export function splitFields(value: string): readonly string[] | undefined {
  const fields: string[] = [];
  for (let at = 0; at <= value.length; ) {
    const close = value[at] === '[' ? value.indexOf(']', at) : at;
    if (close < 0) return undefined;
    const colon = value.indexOf(':', close);
    const end = colon < 0 ? value.length : colon;
    const field = value.slice(at, end);
    fields.push(value[at] === '[' ? field.slice(1).replace(']', '') : field);
    at = end + 1;
  }
  return fields;
}
