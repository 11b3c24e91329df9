import { mkdir, mkdtemp, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import type { Seed } from '../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { IMAGE_MOUNT } from '../../../src/machine/paths.ts';
import { findServices } from '../../../src/machine/services/find-services.ts';
import { planServices } from '../../../src/machine/services/service-steps.ts';
import { loadFiles, SHIPPED_FILES } from '../../fixtures/config.ts';
import { createFacts } from '../../fixtures/facts.ts';

const USR = '/usr/lib/systemd/system';
const ETC = '/etc/systemd/system';
const unit = (install: string) => `[Service]\nExecStart=/bin/true\n[Install]\n${install}\n`;

/** The units of a system as distributions have them. */
const UNITS: Readonly<Record<string, string>> = {
  'ssh.service': unit('WantedBy=multi-user.target\nAlias=sshd.service'),
  'systemd-resolved.service': unit('WantedBy=sysinit.target\nAlias=dbus-org.freedesktop.resolve1.service'),
  'getty@.service': unit('WantedBy=getty.target\nDefaultInstance=tty1'),
  'cups.service': unit('Also=cups.socket cups.path\nWantedBy=printer.target multi-user.target'),
  'cups.socket': '[Socket]\nListenStream=/run/cups.sock\n[Install]\nWantedBy=sockets.target\n',
  'cups.path': '[Path]\nPathExists=/x\n[Install]\nWantedBy=multi-user.target\n',
  'gdm.service': unit('Alias=display-manager.service'),
  'fstrim.timer': '[Timer]\nOnBootSec=1\n[Install]\nWantedBy=timers.target\n',
  'web@.service': unit('WantedBy=sites-%i.target\nRequiredBy=web.target'),
};

type Links = Readonly<Record<string, string>>;

/** The links below /etc, and the unit that each leads to. */
async function linksBelow(dir: string): Promise<Links> {
  const entries = await readdir(join(dir, ETC), { withFileTypes: true, recursive: true });
  const links = entries
    .filter((entry) => entry.isSymbolicLink())
    .map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(dir.length), basename(await readlink(path))] as const;
    });
  return Object.fromEntries(await Promise.all(links));
}

const systemctl = (dir: string, ...words: string[]) =>
  execa('systemctl', [`--root=${dir}`, ...words], { reject: false });

/** What our plan makes of the links. */
async function planned(before: Links, services: Readonly<Record<string, string>>): Promise<Links> {
  const config = await loadFiles({
    ...SHIPPED_FILES,
    'controller/services/default-runlevel': JSON.stringify({ services }),
  });
  const seeds: Record<string, Seed> = {};
  for (const [name, text] of Object.entries(UNITS)) seeds[`${IMAGE_MOUNT}${USR}/${name}`] = text;
  for (const [path, target] of Object.entries(before))
    seeds[IMAGE_MOUNT + path] = { target: target === 'null' ? '/dev/null' : `${USR}/${target}` };
  const facts = { ...createFacts(), config };
  const found = await findServices(
    memoryHost({ files: seeds }),
    facts,
    { serviceManager: 'systemd' },
    { warn: () => {} },
  );
  const after: Record<string, string> = { ...before };
  for (const step of planServices(facts, { ...facts.system.install!, ...found })) {
    if (step.kind === 'remove') delete after[step.path];
    if (step.kind === 'symlink') after[step.path] = basename(step.target);
  }
  return after;
}

const NAMES = [
  'ssh',
  'systemd-resolved.service',
  'getty@tty1',
  'getty@tty7',
  'getty@',
  'cups',
  'cups.socket',
  'gdm',
  'fstrim.timer',
  'web@shop',
];

test.each(NAMES)('%s is enabled, disabled and masked as systemctl does it', async (name) => {
  const dir = await mkdtemp(join(tmpdir(), 'statectl-units-'));
  try {
    await mkdir(join(dir, USR), { recursive: true });
    await mkdir(join(dir, ETC), { recursive: true });
    for (const [file, text] of Object.entries(UNITS)) await writeFile(join(dir, USR, file), text);
    // Somebody's own, by another target than the unit says.
    await mkdir(join(dir, ETC, 'rescue.target.wants'));
    for (const file of ['ssh.service', 'fstrim.timer'])
      await symlink(`${USR}/${file}`, join(dir, ETC, 'rescue.target.wants', file));
    const before = await linksBelow(dir);
    await systemctl(dir, 'enable', name);
    const enabled = await linksBelow(dir);
    expect(Object.keys(enabled).length).toBeGreaterThan(Object.keys(before).length);
    expect(await planned(before, { [name]: 'enabled' })).toEqual(enabled);
    await systemctl(dir, 'disable', name);
    const disabled = await linksBelow(dir);
    expect(await planned(enabled, { [name]: 'disabled' })).toEqual(disabled);
    // Nothing of it is left.
    expect(Object.keys(disabled).filter((path) => dirname(path) !== join(ETC, 'rescue.target.wants'))).toEqual([]);
    await systemctl(dir, 'mask', name);
    expect(await planned(disabled, { [name]: 'masked' })).toEqual(await linksBelow(dir));
  } finally {
    await rm(dir, { recursive: true });
  }
});
