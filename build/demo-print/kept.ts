/** What of a printer can be there or lost: its rows of jobs, its variables, and its files by the digest of their bytes. */
export interface Kept {
  /** By number of the job. */
  readonly jobs: ReadonlyMap<string, string>;
  readonly variables: ReadonlyMap<string, string>;
  readonly files: ReadonlyMap<string, string>;
}

/** One line of what the demo says at the end. */
export interface Comparison {
  readonly what: string;
  readonly before: string;
  readonly after: string;
  readonly isLost: boolean;
}

/** The lines of `[Variables]`, which `=` divides. */
export const variablesIn = (text: string): ReadonlyMap<string, string> =>
  new Map([...text.matchAll(/^([^\s=[]+) = (.*)$/gm)].map(([, name = '', value = '']) => [name, value]));

/** As `sha256sum` prints them, without the copies that Klipper and Moonraker make of their config, and what is the agent's own. */
export const filesIn = (sums: string): ReadonlyMap<string, string> =>
  new Map(
    [...sums.matchAll(/^([\da-f]{64}) {2}(?:\.\/)?(.+)$/gm)]
      .map(([, sum = '', name = '']) => [name, sum] as const)
      .filter(([name]) => !/printer-\d{8}_\d{6}\.cfg$|\.bkp$|variables\.cfg$|\/\.statectl-/.test(name)),
  );

const NOTHING = 'nothing';

/** A job that ran when the plug was pulled is there when its row is, whatever Moonraker says of its end. */
export function compareKept(before: Kept, after: Kept): readonly Comparison[] {
  const jobs = [...before.jobs].map(([id, said]) => {
    const now = after.jobs.get(id);
    return { what: `job ${id}`, before: said, after: now ?? NOTHING, isLost: now === undefined };
  });
  const variables = [...before.variables].map(([name, value]) => {
    const now = after.variables.get(name);
    // The print went on while it was looked: more layers are not fewer.
    const isLost = now !== value && !(Number(now) > Number(value));
    return { what: `variable ${name}`, before: value, after: now ?? NOTHING, isLost };
  });
  const files = [...before.files].map(([name, sum]) => {
    const now = after.files.get(name);
    const said = now === sum ? 'the same bytes' : now === undefined ? NOTHING : 'other bytes';
    return { what: name, before: `${sum.slice(0, 8)}…`, after: said, isLost: now !== sum };
  });
  return [...jobs, ...variables, ...files];
}
