import { execFileSync, spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { planLogins } from '../../../src/machine/accounts/login-settings.ts';
import type { InstallFacts } from '../../../src/machine/facts/system-facts.ts';
import { mainFileText, SUDO } from '../../../src/machine/services/main-files.ts';
import { loadFiles } from '../../fixtures/config.ts';
import { createFacts } from '../../fixtures/facts.ts';

const isThere = (...argv: readonly [string, ...string[]]) => spawnSync(argv[0], argv.slice(1)).status === 0;
const mayAsk = process.getuid?.() === 0 && isThere('unshare', '-m', 'true') && isThere('visudo', '--version');

const PATH = `/etc/sudoers.d/statectl`;
/** What names may have, and words that sudoers(5) has a meaning for in other letters. */
const NAMES = ['ada', 'a-b', 'a.b', '_x', 'x9', 'pc$', 'all', 'defaults', 'include', 'user_alias', 'a'.repeat(31)];

/** What this machine's sudo would say, had it these files alone and users of these names. */
function ask(sudoers: string, ours: string, names: readonly string[]): string {
  const script = `
    for name in passwd sudoers; do cp -p /etc/$name /run/$name; done
    for name in $NAMES; do echo "$name:x:64001:64001::/:/bin/sh" >>/run/passwd; done
    printf %s "$SUDOERS" >/run/sudoers
    mkdir /run/d
    printf %s "$OURS" >/run/d/statectl
    chmod 0440 /run/sudoers /run/d/statectl
    for name in passwd sudoers; do mount --bind /run/$name /etc/$name; done
    mount --bind /run/d /etc/sudoers.d
    visudo -c
    for name in $NAMES; do sudo -n -l -U "$name"; done`;
  return execFileSync('unshare', ['-m', 'sh', '-euc', `mount -t tmpfs tmpfs /run; umask 022; ${script}`], {
    encoding: 'utf8',
    env: { ...process.env, SUDOERS: sudoers, OURS: ours, NAMES: names.join(' ') },
  });
}

/** The file of config.d's users, as a boot writes it. */
async function oursFor(names: readonly string[]): Promise<string> {
  const users = Object.fromEntries(names.map((name) => [name, { sudo: true }]));
  const config = await loadFiles({ 'system/users.conf': JSON.stringify({ users }) });
  const steps = planLogins({ ...createFacts(), config }, { hasSudo: true, mainFiles: {} } as unknown as InstallFacts);
  return steps.flatMap((step) => (step.kind === 'write' && step.path === PATH ? [step.content] : [])).join();
}

it.skipIf(!mayAsk)('sudo takes the file of every name that a user may have', async () => {
  const said = ask('@includedir /etc/sudoers.d\n', await oursFor(NAMES), NAMES);
  expect(said).toContain('/etc/sudoers.d/statectl: parsed OK\n');
  expect(said.match(/\(ALL : ALL\) ALL/g)).toHaveLength(NAMES.length);
});

it
  .skipIf(!mayAsk)
  .each([
    '',
    'root ALL=(ALL) ALL\n',
    'Defaults env_reset\nnobody ALL=(root) /bin/true',
    '#includedir /etc/sudoers.d\n',
    '@includedir /etc/sudoers.d # all\n',
    '@includedir "sudoers.d/"\n',
    '@include sudoers.d/statectl\n',
    '# includedir /etc/sudoers.d\n',
    '@includedir /etc/sudoers.local\n',
  ])('sudo reads it whatever the sudoers of an image has: %j', async (text) => {
  const read = async (path: string) => (path === '/etc/sudoers' ? text : undefined);
  const tree = { read, list: async () => [], resolve: async () => undefined } as unknown as Parameters<
    typeof mainFileText
  >[0];
  const said = ask((await mainFileText(tree, SUDO)) ?? text, await oursFor(['ada']), ['ada']);
  expect(said).toContain('/etc/sudoers: parsed OK\n');
  expect(said.match(/\(ALL : ALL\) ALL/g)).toHaveLength(1);
});
