import type { Host } from '../host/host.ts';
export async function rescue(_host: Host, _words: readonly string[]): Promise<number> {
  return 0;
}
