/** GRUB's environment block: lib/envblk.c. GRUB writes it in place, so it has this size from the beginning. */
const GRUBENV_BYTES = 1024;

const HEADER = '# GRUB Environment Block\n';
/** What a disk writes whole, or not at all: all that counts lies in the first of these. */
const WHOLE_BYTES = 512;

export type GrubEnv = Readonly<Record<string, string>>;

/** The variables of a block; undefined where it is none, of which GRUB says so and reads nothing. Pure. */
export function parseGrubEnv(block: Buffer): GrubEnv | undefined {
  if (block.length < HEADER.length || !block.toString('latin1').startsWith(HEADER)) return undefined;
  const found: Record<string, string> = {};
  for (const line of block.toString('latin1').split(/(?<!\\)\n/)) {
    const at = line.indexOf('=');
    if (!line.startsWith('#') && at > 0) found[line.slice(0, at)] = line.slice(at + 1).replace(/\\([\\\n])/g, '$1');
  }
  return found;
}

/** A block with these variables. Throws an Error where they are more than a disk writes in one go. Pure. */
export function writeGrubEnv(variables: GrubEnv): Buffer {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value.replace(/[\\\n]/g, '\\$&')}\n`);
  const text = HEADER + lines.join('');
  if (text.length > WHOLE_BYTES) throw new Error(`${text.length} bytes are more than the ${WHOLE_BYTES} of a sector`);
  const block = Buffer.alloc(GRUBENV_BYTES, '#');
  block.write(text, 'latin1');
  return block;
}
