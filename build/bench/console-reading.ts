/** What a machine of the bench tells on its serial console. Times in seconds since the kernel started. */

/** Printed by bench-init, which every contender hands over to. */
export interface Marker {
  readonly uptimeS: number;
  readonly memAvailableKb: number;
}

/** undefined while the whole line is not there. */
export function readMarker(text: string): Marker | undefined {
  const [, uptime, available] = /BENCH-INIT-REACHED (\d+\.\d+) MemAvailable=(\d+)\r?\n/.exec(text) ?? [];
  return available === undefined ? undefined : { uptimeS: Number(uptime), memAvailableKb: Number(available) };
}

/** When the kernel printed the first line with these words in it; undefined when it never did. */
export function printedAt(text: string, words: string): number | undefined {
  const line = text.split('\n').find((each) => each.includes(words)) ?? '';
  const [, seconds] = /\[\s*(\d+\.\d+)\]/.exec(line) ?? [];
  return seconds === undefined ? undefined : Number(seconds);
}

/** A file behind a loop device; one that was unlinked stays in RAM while it is looped. */
export interface LoopedFile {
  readonly name: string;
  readonly sizeBytes: number;
}

/** bench-init prints each loop device: its size in sectors of 512 bytes, its file. */
export function readLoopedFiles(text: string): readonly LoopedFile[] {
  return [...text.matchAll(/BENCH-LOOP (\d+) (\/\S+)/g)].map(([, sectors, path = '']) => ({
    name: path.slice(path.lastIndexOf('/') + 1),
    sizeBytes: Number(sectors) * 512,
  }));
}

/** Seconds that each file took to be hashed in the initramfs; bench-hash prints the uptime before and after. */
export function readHashTimes(text: string): ReadonlyMap<string, number> {
  const lines = text.matchAll(/BENCH-HASH (\S+) (\d+\.\d+) (\d+\.\d+)/g);
  return new Map([...lines].map(([, file = '', before, after]) => [file, Number(after) - Number(before)]));
}

/** What the marker's machine runs on: `overlay, writable state`. */
export function readRoot(text: string): string | undefined {
  const [, type, state] = /BENCH-ROOT (\S+) (\S+)/.exec(text) ?? [];
  return type === undefined ? undefined : `${type}, ${state} state`;
}
