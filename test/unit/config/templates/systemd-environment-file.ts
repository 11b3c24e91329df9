/**
 * What `EnvironmentFile=` reads: the states and the answers of systemd's parser (src/basic/env-file.c, as of version 252),
 * written apart from the filter, as a second opinion.
 */
export function readEnvironmentFile(text: string): Map<string, string> {
  type State =
    | 'pre-key'
    | 'key'
    | 'pre-value'
    | 'value'
    | 'value-escape'
    | 'single'
    | 'double'
    | 'double-escape'
    | 'comment'
    | 'comment-escape';
  const found = new Map<string, string>();
  let state: State = 'pre-key';
  let [key, value] = ['', ''];
  let keepTo = 0;
  const push = () => {
    found.set(key.trimEnd(), value);
    [key, value, keepTo] = ['', '', 0];
    state = 'pre-key';
  };
  const add = (char: string) => {
    value += char;
    keepTo = value.length;
  };
  for (const char of text) {
    const isNewline = char === '\n' || char === '\r';
    const isBlank = isNewline || char === ' ' || char === '\t';
    if (state === 'pre-key') {
      if (char === '#' || char === ';') state = 'comment';
      else if (!isBlank) [state, key] = ['key', char];
    } else if (state === 'key') {
      if (isNewline) [state, key] = ['pre-key', ''];
      else if (char === '=') state = 'pre-value';
      else key += char;
    } else if (state === 'pre-value' || state === 'value') {
      if (isNewline) {
        if (state === 'value') value = value.slice(0, keepTo);
        push();
      } else if (state === 'pre-value' && char === "'") state = 'single';
      else if (state === 'pre-value' && char === '"') state = 'double';
      else if (char === '\\') state = 'value-escape';
      else if (state === 'pre-value' && isBlank) continue;
      else {
        state = 'value';
        if (isBlank) value += char;
        else add(char);
      }
    } else if (state === 'value-escape') {
      state = 'value';
      if (!isNewline) add(char);
    } else if (state === 'single') {
      if (char === "'") state = 'pre-value';
      else add(char);
    } else if (state === 'double') {
      if (char === '"') state = 'pre-value';
      else if (char === '\\') state = 'double-escape';
      else add(char);
    } else if (state === 'double-escape') {
      state = 'double';
      if ('"\\`$'.includes(char)) add(char);
      else if (char !== '\n') add(`\\${char}`);
    } else if (state === 'comment') {
      if (char === '\\') state = 'comment-escape';
      else if (isNewline) state = 'pre-key';
    } else state = 'comment';
  }
  if (key !== '' && state !== 'key') push();
  return found;
}
