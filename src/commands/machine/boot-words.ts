import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearest } from '../../config/check/suggest.ts';
import { reasonOf, StatectlError } from '../../error.ts';

/** Reads the words of a boot verb; no commander here. Throws `usage`. */
export function parseWords<T extends ParseArgsConfig>(verb: BootVerb, config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (cause) {
    const [, option] = /^Unknown option '--([^']+)'/.exec(reasonOf(cause)) ?? [];
    const meant = option && nearest(option, [...Object.keys(config.options ?? {}), 'help']);
    throw wrongWord(verb, reasonOf(cause), meant && `--${meant}`, cause);
  }
}

const wrongWord = (verb: BootVerb, message: string, meant: string | undefined, cause?: unknown): StatectlError => {
  const hint = `\`statectl ${verb} --help\` shows what there is`;
  return new StatectlError('usage', message, { cause, hint: meant ? `did you mean ${meant}? ${hint}` : hint });
};

/** What may follow each verb of a booting machine. */
const COMMANDS: Readonly<Record<BootVerb, readonly string[]>> = {
  boot: [],
  rescue: ['report', 'log', 'config', 'plan', 'retry', 'continue', 'shell', 'reboot', 'poweroff'],
  status: [],
  agent: [],
  lock: ['list', 'check', 'hold', 'drop'],
  btrfs: ['list', 'delete', 'rollback'],
  logs: ['list', 'show', 'keep'],
  slots: ['list', 'mark-good', 'mark-bad', 'switch', 'repair'],
  drives: ['list', 'plan', 'apply', 'delete', 'wipe'],
};

/** A command that this verb has not. */
export const unknownCommand = (verb: BootVerb, word: string): StatectlError =>
  wrongWord(verb, `statectl ${verb} has no command "${word}"`, nearest(word, COMMANDS[verb]));

/** Throws `usage` where help is asked for a command that is not there. */
export function refuseUnknownCommand(verb: BootVerb, [word = '-']: readonly string[]): void {
  if (!word.startsWith('-') && !COMMANDS[verb].includes(word)) throw unknownCommand(verb, word);
}

export type BootVerb = keyof typeof BOOT_VERBS;

/** The verbs of a machine that boots or runs, with what `--help` says of them. */
export const BOOT_VERBS = {
  boot: {
    summary: 'boot this machine (in the initramfs), or print the plan',
    help: `Usage: statectl boot [--from PHASE]
       statectl boot --plan [--facts FILE] [--json]

Boots this machine. Only /init of the initramfs runs it without --plan; its exit status tells /init what to do next:
0 hand over, 10 rescue, 11 reboot.

Options:
  --plan        print the steps that the facts of this boot lead to, each with the command it stands for; touch nothing
  --facts FILE  plan with these facts (default: /run/statectl/facts.json, which every boot leaves);
                facts at the top of an edited file count, and stderr says that nothing ran so
  --json        print the plan as JSON
  --from PHASE  begin at this phase, with what the boot before found out

Examples:
  statectl boot --plan
  statectl boot --plan --facts facts.json --json
`,
  },
  rescue: {
    summary: 'what can be done when a boot failed: report, log, retry, continue …',
    help: `Usage: statectl rescue [COMMAND]

In the rescue shell of a boot that failed. Alone it says what failed, and what can be done.

Commands:
  report             print the whole report
  log [--json]       print the journal: what was done, in order
  config [--json]    print the settings in force, without secrets
  plan [--json]      print the steps of this boot as commands
  retry [PHASE]      try the failed phase again, or begin at an earlier one
  continue           leave the failed phase out and go on with the next
  shell [TTY]        open another shell, here or on another console (tty2, ttyS1)
  reboot [--force]   reboot; with --force at once, without unmounting anything
  poweroff           switch the machine off

report, log, config and plan work in the running system too, for root.

Examples:
  statectl rescue
  statectl rescue retry            after mending what the report says
  statectl rescue retry devices    after a disk was plugged in
  statectl rescue shell tty2       then Alt-F2
`,
  },
  status: {
    summary: 'what this machine booted, what persists, and what a reboot would lose',
    help: `Usage: statectl status [--all] [--no-changes] [--json]

Says what was booted, from where and how fast, what is in RAM, what persists, and which changes a reboot would lose.
Works for everybody; only root sees every change.

Options:
  --all         every changed path, not only the biggest of each place
  --no-changes  do not look for changes, which reads every file that differs
  --json        the same as JSON

Examples:
  statectl status
  sudo statectl status --all
  statectl status --no-changes --json
`,
  },
  slots: {
    summary: 'the two systems of this machine: which was healthy, which is booted next',
    help: `Usage: statectl slots [COMMAND]

The systems on this machine's disk, and how their last cycles ended. What is ordered is done by the next boot, which
alone writes boot flags and journal. As root; in the rescue shell too.

Commands:
  list [--json]      both slots, the last ten cycles with their verdicts, and what is ordered (the default)
  mark-good SLOT     the system is good: it may be booted again, and its image come again
  mark-bad SLOT      it is not booted, and its image not installed again
  switch SLOT        boot it from the next boot on, until a new image comes
  repair [SLOT]      hash the images; a damaged one is fetched again by the next boot, or left for the other.
                     Exit status 1: one is damaged

Examples:
  sudo statectl slots list
  sudo statectl slots switch b && sudo reboot
  sudo statectl slots repair
`,
  },
  lock: {
    summary: 'what must not be disturbed on this machine: prints, and what root or systemd-inhibit holds',
    help: `Usage: statectl lock [COMMAND]

A print holds a lock while it runs or is paused. While there is one, \`statectl node run\` runs nothing on this machine
without --force; changes of mounts, and services that would be reloaded, wait.

Commands:
  list [--json]      every lock (the default): who holds it, what for, since and until when
  check              exit status 75, and why, while there is one; else 0
  hold NAME [--for TIME] [--what TEXT] -- COMMAND
                     hold a lock while a command runs (root; others take systemd-inhibit)
  drop NAME          drop one (root); that of a print comes again as long as the printer says that it prints

A lock whose process is gone, or whose time is over (at most lock.limit of system/state.conf, 3 days), counts no more.

Examples:
  statectl lock list
  sudo statectl lock hold calibration --for 2h -- ./probe-all.sh
  systemd-inhibit --what=shutdown --who="$USER" --why="a long job" -- ./job.sh
`,
  },
  drives: {
    summary: 'the disks that drives.conf names: what is on them, what is to be done, and doing it',
    help: `Usage: statectl drives [COMMAND]

The disks of drives.conf, in the rescue shell and in the running system, for root. A boot does the same by itself.
None is touched that holds what statectl did not make; nothing is deleted because drives.conf names it no more.

Commands:
  list [--json]      every disk of this machine (the default), and what is on those of drives.conf
  plan [NAME] [--json]
                     what would be done first, each step with its command
  apply [NAME] [--yes NAME]
                     do it; --yes replaces what is on the disk, once, where \`make: replace\` says so
  delete NAME LABEL [--yes LABEL]
                     take a partition that drives.conf names no more out of the table: its data is lost
  wipe NAME [--yes NAME]
                     make the disk of a drive empty: all data is lost

Exit status 1: something could not be done; the sentence before says what.

Examples:
  statectl drives
  statectl drives plan main
  statectl drives apply main
  statectl drives wipe old --yes old
`,
  },
  btrfs: {
    summary: 'subvolumes of btrfs.conf and their snapshots: list, delete, roll back',
    help: `Usage: statectl btrfs [COMMAND]

The file systems of btrfs.conf, in the rescue shell and in the running system, for root. Boots make subvolumes that are
absent and take snapshots; nothing is deleted because btrfs.conf names it no more. FILESYSTEM is as btrfs.conf has it.

Commands:
  list [--json]      subvolumes and the numbers of their snapshots (the default)
  delete FILESYSTEM SUBVOLUME[/NUMBER] [--yes NAME]
                     delete a subvolume that btrfs.conf names no more, or one snapshot: its data is lost
  rollback FILESYSTEM SUBVOLUME/NUMBER [--yes NAME]
                     put a snapshot in the place of its subvolume, which becomes the newest snapshot; it shows
                     where it is mounted again

NAME is what is deleted or put back, as it was typed.

Examples:
  statectl btrfs
  statectl btrfs rollback LABEL=user-data @home/12
  statectl btrfs delete LABEL=user-data @old --yes @old
`,
  },
  logs: {
    summary: 'logs of this boot and those before it, kept on a disk: list, show',
    help: `Usage: statectl logs [COMMAND]

What log.conf keeps of each boot, in the running system and in the rescue shell, for root: the log of the boot, the
report of one that failed, what the kernel kept of a crash, and the logs of the system when it stopped.

Commands:
  list [--json]      what is kept, the oldest first (the default)
  show BOOT [--json] the texts of a boot, and which files its way down kept
  show BOOT FILE     one of these files
  keep               keep the logs of the system now; its service does that when the system stops

Examples:
  statectl logs
  statectl logs show 12
  statectl logs show 12 journal.txt | less
  statectl logs show 12 var/log/syslog | grep klipper
`,
  },
  agent: {
    summary: 'keep this machine as config.d wants it while it runs (its service does that)',
    help: `Usage: statectl agent [--help]

Runs until SIGTERM: hears from the server what changed, applies what needs no reboot, renews the certificate, reports.
The boot makes a service of it, unless controller/server/server.info.conf says \`agent: off\`; \`statectl status\` shows
what it is at. Killing it disturbs nothing.

Examples:
  systemctl status statectl-agent
  journalctl -u statectl-agent
`,
  },
} as const;
