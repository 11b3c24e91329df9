/** Where a board is, as `[mcu NAME]` of a printer.cfg says it. */
export type McuPlace =
  | { readonly kind: 'serial'; readonly path: string }
  | { readonly kind: 'can'; readonly interface: string; readonly uuid: string };

/** What one file of a config has of boards. */
export interface McuSections {
  /** By name; that of `[mcu]` is `mcu`. */
  readonly mcus: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Patterns of other files, relative to this one's folder. */
  readonly includes: readonly string[];
}

/** As klippy/configfile.py reads it: comments from `#` or `;` on, the last of two values counts. Pure. */
export function mcuSections(text: string): McuSections {
  const mcus = new Map<string, Map<string, string>>();
  const includes: string[] = [];
  let section: Map<string, string> | undefined;
  for (const line of text.split(/\r?\n/)) {
    const bare = line.replace(/[#;].*$/, '').trimEnd();
    const header = /^\[([^\]]*)\]/.exec(bare)?.[1]?.trim();
    if (header !== undefined) {
      const [, include] = /^include\s+(.+)$/.exec(header) ?? [];
      if (include !== undefined) includes.push(include);
      const [, name] = /^(?=mcu(?:\s|$))(?:mcu\s+)?(\S+)$/.exec(header) ?? [];
      section = name === undefined ? undefined : (mcus.get(name) ?? new Map());
      if (name !== undefined && section) mcus.set(name, section);
      continue;
    }
    const [, key, value] = /^(\w+)\s*[=:]\s*(.*)$/.exec(bare) ?? [];
    if (section && key !== undefined) section.set(key.toLowerCase(), value ?? '');
  }
  return { mcus, includes };
}

/** klippy/mcu.py. undefined: it does not say. Pure. */
export function mcuPlace(section: ReadonlyMap<string, string>): McuPlace | undefined {
  const uuid = section.get('canbus_uuid');
  if (uuid) return { kind: 'can', interface: section.get('canbus_interface') || 'can0', uuid };
  const path = section.get('serial');
  return path ? { kind: 'serial', path } : undefined;
}
