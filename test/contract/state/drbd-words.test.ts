import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { DrbdCommand } from '../../../src/machine/state/drbd/command-words.ts';
import { drbdCommands } from '../../../src/machine/state/drbd/volume.ts';

const PROGRAMS = { 8: '/lib/drbd/drbdsetup-84', 9: '/usr/sbin/drbdsetup' } as const;
const VOLUME = {
  ...{ resource: 'voron.database', peer: '192.0.2.1:7900', port: 7901, minor: 100, bytes: 64 << 20 },
  ...{ secret: 'ab'.repeat(30), loop: '/dev/loop3' },
};

const argvOf = (command: DrbdCommand): readonly string[] => ('argv' in command ? command.argv : command.hidden);
/** From the program of the initramfs on: without the loader, and without the shell that hides a secret. */
const wordsOf = (command: DrbdCommand): readonly string[] => {
  const argv = argvOf(command);
  return argv.slice(argv.findIndex((word) => word.includes('/bin/drbd')) + 1);
};

/** The kernel would have to have the module to hear more than what these programs say of themselves. */
it.skipIf(Object.values(PROGRAMS).some((path) => !existsSync(path))).each([8, 9] as const)(
  'a volume is told by commands and options that the drbdsetup of its DRBD has (%i)',
  (version) => {
    const said = drbdCommands(version, VOLUME).bringUp.filter((command) =>
      argvOf(command).join().includes('/drbdsetup'),
    );
    expect(said.length).toBeGreaterThan(3);
    for (const command of said) {
      const [verb = '', ...rest] = wordsOf(command);
      const help = spawnSync(PROGRAMS[version], ['help', verb], { encoding: 'utf8' }).stdout;
      expect(help, verb).toContain(`${PROGRAMS[version].split('/').at(-1)} ${verb} `);
      for (const option of rest.filter((word) => word.startsWith('--')))
        expect(help, verb).toContain(`[${option.replace(/=.*/, '')}=`);
    }
  },
);
