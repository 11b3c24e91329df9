import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { forCaller } from '../../image/for-caller.ts';
import { formatSize } from '../../image/format-size.ts';
import { appendToInitramfs, readInitramfsFile } from '../../image/initramfs/initramfs-file.ts';
import { formatListing, listInitramfs } from '../../image/initramfs/initramfs-listing.ts';
import { unpackInitramfs } from '../../image/initramfs/initramfs-unpack.ts';
import { printJson, printLine } from '../print.ts';
import { caller } from './build-options.ts';
import type { InitramfsOptions } from './initramfs-options.ts';

/** The options of `build initramfs` that work on a file, whoever made it. */

const needed = (option: string, example: string): StatectlError =>
  new StatectlError('usage', `${option} is needed`, { hint: `statectl build initramfs ${example}` });

export async function listVerb(host: Host, file: string, { json }: InitramfsOptions): Promise<void> {
  const listing = await listInitramfs(await readInitramfsFile(host, file));
  if (json) printJson(listing);
  else for (const line of formatListing(listing)) printLine(line);
}

export async function unpackVerb(
  host: Host,
  file: string,
  { out, json, asRoot = false }: InitramfsOptions,
): Promise<void> {
  if (out === undefined) throw needed('--out DIR', '--unpack FILE --out DIR');
  const result = await unpackInitramfs(await readInitramfsFile(host, file), out, { exec: host.exec, asRoot });
  for (const { name, reason } of result.skipped) host.console.line('warning', `left out ${name}: ${reason}`);
  if (json) printJson(result);
  else printLine(`unpacked ${result.unpacked} files into ${out}`);
}

export async function appendVerb(host: Host, source: string, { to, json }: InitramfsOptions): Promise<void> {
  if (to === undefined) throw needed('--to FILE', '--append DIR --to FILE');
  const result = await forCaller(host, caller(), { files: [to] }, () => appendToInitramfs(host, source, to));
  for (const name of result.skipped)
    host.console.line('warning', `left out ${name}: an archive holds no sockets and pipes`);
  if (json) printJson(result);
  else printLine(`added ${result.files} files, ${formatSize(result.sizeBytes)}, to ${to}`);
}
