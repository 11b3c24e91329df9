/** What in a moonraker.conf does not go together with a root that is read-only. `line` from 1; undefined: it is missing. */
export interface MoonrakerFault {
  readonly line?: number;
  readonly message: string;
}

interface Setting {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  readonly line: number;
}

/** What Moonraker would do there, besides printing. */
const NO_UPDATES = 'updates go into a read-only system; they come as a new image: leave this section out';
const WANTED = [
  { key: 'provider', wanted: 'none', why: 'Moonraker would manage services of a system that config.d says' },
  {
    key: 'validate_service',
    wanted: 'False',
    why: 'Moonraker would check, and want to change, how its service is made',
  },
] as const;

/**
 * What Moonraker would want to change of a system that cannot be changed: it calls pip, git and systemd. Reads as Moonraker does
 * (ConfigParser: a comment is from `#` on, `=` and `:` are the same, keys in any case). Pure.
 */
export function moonrakerFaults(text: string): readonly MoonrakerFault[] {
  const { sections, settings } = readIni(text);
  const updates = [...sections].filter(([name]) => /^update_manager(?:\s|$)/.test(name));
  return [
    ...updates.map(([name, line]): MoonrakerFault => ({ line, message: `[${name}]: ${NO_UPDATES}` })),
    ...WANTED.flatMap(({ key, wanted, why }): readonly MoonrakerFault[] => {
      // Of two the last counts.
      const said = settings.findLast((one) => one.section === 'machine' && one.key === key);
      if (said?.value.toLowerCase() === wanted.toLowerCase()) return [];
      const line = said?.line ?? sections.get('machine');
      const what = said ? `${key} is ${said.value.slice(0, 60)}` : `[machine] says no ${key}`;
      return [{ ...(line !== undefined && { line }), message: `${what}: say "${key}: ${wanted}" (${why})` }];
    }),
  ];
}

function readIni(text: string) {
  const sections = new Map<string, number>();
  const settings: Setting[] = [];
  let section = '';
  for (const [at, raw] of text.split(/\r?\n/).entries()) {
    // What is indented goes on with the value before.
    if (/^\s/.test(raw)) continue;
    const line = raw.replace(/(?:^|\s)[#;].*/s, '').trim();
    const [, name] = /^\[([^\]]*)\]$/.exec(line) ?? [];
    const [, key, value] = /^([^:=]+)[:=](.*)$/s.exec(line) ?? [];
    if (name !== undefined) {
      section = name.trim();
      if (!sections.has(section)) sections.set(section, at + 1);
    } else if (key !== undefined && value !== undefined)
      settings.push({ section, key: key.trim().toLowerCase(), value: value.trim(), line: at + 1 });
  }
  return { sections, settings };
}
