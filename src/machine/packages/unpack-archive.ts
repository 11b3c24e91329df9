import { reasonOf } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { shellLine, shellQuote } from '../../host/shell-line.ts';
import type { TaskContext } from '../../host/task-context.ts';
import type { ArchiveFormat } from '../facts/python-facts.ts';
import { extract, extractArgv } from './archive.ts';

export interface Unpack {
  readonly archive: string;
  readonly format: ArchiveFormat;
  /** A folder that is made anew. */
  readonly to: string;
}

/** What is neither file nor folder: `checkArchive` let none through, and this looks at what a program made of it. */
const strangers = (to: string): readonly string[] => ['find', to, '!', '-type', 'f', '!', '-type', 'd'];
/** Everybody may read it, and nobody but root wrote it. */
const opened = (to: string): readonly string[] => ['chmod', '-R', 'u=rwX,go=rX', to];

/** Unpacks an archive that was looked through. What fails is told, and nothing of it stays: no boot ends for a package. */
export async function unpackArchive(step: Unpack, host: Host, boot: TaskContext): Promise<void> {
  const { archive, format, to } = step;
  try {
    await host.files.remove(to);
    await host.files.mkdir(to, 0o755);
    await extract(host, archive, format, to);
    const { stdout } = await host.exec.run(strangers(to));
    if (stdout !== '') throw new Error(`${stdout.split('\n')[0]} is neither a file nor a folder`);
    const { exitCode, stderr } = await host.exec.run(opened(to));
    if (exitCode !== 0) throw new Error(stderr.trim());
  } catch (error) {
    boot.warn(`${archive} is not unpacked in ${to}: ${reasonOf(error)}`);
    // An empty folder: what is mounted from it or named in a path is there.
    await host.files.remove(to).catch(() => undefined);
    await host.files.mkdir(to, 0o755);
  }
}

/** The same by hand. */
export const unpackCommands = ({ archive, format, to }: Unpack): readonly string[] => [
  shellLine(['rm', '-rf', to]),
  shellLine(['mkdir', '-p', '-m', '0755', to]),
  shellLine(extractArgv(archive, format, to)),
  `( ${shellLine(strangers(to))} | grep -q . && ${shellLine(['rm', '-rf', to])} && ${shellLine(['mkdir', to])} || true )`,
  `chmod -R u=rwX,go=rX ${shellQuote(to)}`,
];
