import { StatectlError } from '../../error.ts';
import { isElf, readFields } from '../elf/elf-fields.ts';

/**
 * The `key=value` texts that modinfo(8) shows, from section `.modinfo` of an uncompressed kernel module; empty when it has
 * none. Throws `elf-truncated`, and `module-invalid` when the file is no ELF file.
 */
export function readModinfo(buffer: Uint8Array, name = 'the module'): ReadonlyMap<string, string[]> {
  if (!isElf(buffer))
    throw new StatectlError('module-invalid', `${name} is not a kernel module: it is no ELF file`, {
      hint: 'install the kernel package again',
    });
  return readFields(name, buffer, ({ is64, u16, u32, word, bytes, text }) => {
    const start = word(0, 32, 40);
    const section = (index: number): number => start + index * u16(is64 ? 58 : 46);
    // Above 65280 sections the real numbers are in section 0 (gabi, "ELF header").
    const count = u16(is64 ? 60 : 48) || (start === 0 ? 0 : word(section(0), 20, 32));
    const lastNames = u16(is64 ? 62 : 50);
    const names = section(lastNames === 0xffff ? u32(section(0) + (is64 ? 40 : 24)) : lastNames);
    const info = new Map<string, string[]>();
    for (let index = 1; index < count; index += 1) {
      const at = section(index);
      if (text(word(names, 16, 24) + u32(at)) !== '.modinfo') continue;
      addModinfo(info, new TextDecoder().decode(bytes(word(at, 16, 24), word(at, 20, 32))));
    }
    return info;
  });
}

function addModinfo(info: Map<string, string[]>, texts: string): void {
  for (const entry of texts.split('\0')) {
    const equals = entry.indexOf('=');
    if (equals < 1) continue;
    const key = entry.slice(0, equals);
    info.set(key, [...(info.get(key) ?? []), entry.slice(equals + 1)]);
  }
}
