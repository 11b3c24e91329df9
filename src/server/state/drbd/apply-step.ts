import { dirname } from 'node:path';
import { StatectlError } from '../../../error.ts';
import { shellLine } from '../../../host/shell-line.ts';
import type { StoreHost } from '../../store/store.ts';
import type { VolumeStep } from './plan-volume.ts';

/**
 * Room for DRBD's metadata behind the file system: its superblock and activity log have 36 KiB, its bitmap a bit for each 4 KiB.
 * drbdmeta looks itself, too.
 */
const dataBlocks = (bytes: number): number => Math.floor((bytes - (1 << 20) - Math.ceil(bytes / 16_384)) / 4096);

/** Whatever the mke2fs of the server can, the kernel of a machine of 4.9 or later knows these. */
const FEATURES =
  'none,has_journal,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum';

/** The one that it has, where it has one: a run that was ended before its name led there, or a name that was lost, makes no second. */
const attachLoop = (file: string): readonly string[] => ['losetup', '--find', '--show', '--nooverlap', file];

/** What a step is in commands, for a person and for us; what they cannot say is done by `applyStep`. Pure. */
function commandsOf(step: VolumeStep, diskBytes: number): readonly (readonly string[])[] {
  switch (step.do) {
    case 'load-module':
      return [['modprobe', 'drbd']];
    case 'make-file':
      return [['fallocate', '--length', String(step.bytes), step.path]];
    case 'make-lvm':
      return [
        ['lvcreate', '--yes', '--wipesignatures', 'y', '--size', `${step.bytes}b`, '--name', step.name, step.group],
      ];
    case 'attach-loop':
      return [attachLoop(step.file)];
    case 'make-filesystem':
      return [
        [
          ...['mkfs.ext4', '-q', '-b', '4096', '-m', '0', '-O', FEATURES],
          ...['-E', 'lazy_itable_init=0,lazy_journal_init=0,nodiscard'],
          ...['-U', step.uuid, '-L', 'statectl', step.disk, String(dataBlocks(diskBytes))],
        ],
      ];
    case 'write-resource':
      return [];
    case 'make-metadata':
      // What drbdadm would run, without its question whether it may tell drbd.org.
      return [
        [
          ...['drbdmeta', '--force', String(step.minor), `v0${step.version}`, step.disk, 'internal', 'create-md'],
          ...(step.version === 9 ? ['1'] : []),
        ],
      ];
    case 'bring-up':
      return [['drbdadm', 'adjust', step.resource]];
    case 'declare-truth':
      return [
        ['drbdadm', 'primary', '--force', step.resource],
        ['drbdadm', 'secondary', step.resource],
      ];
    case 'note-made':
      return [];
  }
}

/** One line for a person. Pure. */
export function describeStep(step: VolumeStep, diskBytes: number): string {
  const commands = commandsOf(step, diskBytes).map((argv) => shellLine(argv));
  switch (step.do) {
    case 'attach-loop':
      return `${commands.join('')}   # and ${step.link} leads to what it prints`;
    case 'write-resource':
      return `${step.path} gets the resource, with the secret, mode 0600`;
    case 'note-made':
      return 'boots are told of it from then on';
    default:
      return commands.join(' && ');
  }
}

/** What the executor has besides the step. */
export interface ApplyContext {
  readonly host: StoreHost;
  /** With the secret. */
  readonly resourceText: string;
  readonly diskBytes: () => Promise<number>;
  readonly noteMade: () => Promise<void>;
}

/** Throws `volume-failed`, with what the program said. */
export async function applyStep(step: VolumeStep, context: ApplyContext): Promise<void> {
  const { host } = context;
  const { files } = host;
  switch (step.do) {
    case 'make-file':
      await files.mkdir(dirname(step.path), 0o700);
      await files.write(step.path, '', { mode: 0o600 });
      break;
    case 'attach-loop': {
      const device = (await runAsRoot(host, attachLoop(step.file))).trim();
      await files.mkdir(dirname(step.link), 0o700);
      await files.remove(step.link);
      return await files.symlink(device, step.link);
    }
    case 'write-resource':
      return await files.write(step.path, context.resourceText, { mode: 0o600 });
    case 'note-made':
      return await context.noteMade();
    default:
  }
  for (const argv of commandsOf(step, await context.diskBytes())) await runAsRoot(host, argv);
}

/** Of any of them: file systems of some GiB at most. */
const LONGEST_MS = 120_000;

/** As drbd.service has it, drbdadm neither asks whether it may count this host at drbd.org, nor does it. */
const ENVIRONMENT = { LC_ALL: 'C', INIT_VERSION: 'systemd' };

/** Throws `volume-failed`, with what the program said. */
export async function runAsRoot({ exec }: StoreHost, argv: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await exec.run(argv, { timeoutMs: LONGEST_MS, env: ENVIRONMENT });
  if (exitCode === 0) return stdout;
  throw new StatectlError(
    'volume-failed',
    `${shellLine(argv)} failed: ${(stderr.trim() || stdout.trim()).slice(-800)}`,
    {
      hint: 'what was done before it stays; put right what it says, and run the same again: it goes on there',
    },
  );
}
