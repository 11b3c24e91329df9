import type { Host } from '../host/host.ts';
import { BOOT_RECORD } from '../boot/paths.ts';
export async function status({ files }: Host, _words: readonly string[]): Promise<number> {
  process.stdout.write(await files.readText(BOOT_RECORD));
  return 0;
}
