import { describe, expect, it } from 'vitest';
import { liveFacts } from '../../../../src/agent/apply/live-files.ts';
import { wantedBy } from '../../../../src/agent/entry.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import type { InstallFacts } from '../../../../src/machine/facts/system-facts.ts';
import { planInstall, planLiveFiles } from '../../../../src/machine/install/plan-install.ts';
import { machineHost, RUNNING } from '../../../../src/machine/roots.ts';
import { createFacts } from '../../../fixtures/facts.ts';

/** What the agent does not touch: other parts of it do, or only a boot can. */
const OF_THE_BOOT: readonly RegExp[] = [
  /^\/etc\/machine-id$/,
  // The network under everything that runs.
  /^\/etc\/resolv\.conf$|^\/run\/systemd\/network\/|statectl-resolver\.|^\/run\/initramfs\/resolver$/,
  // Renewed with the certificate.
  /^\/etc\/ssh\/sshd_config\.d\/20-statectl-host-key\.conf$|^\/etc\/app\/token$|^\/run\/credstore\//,
  // Packages are read-only under the services that use them.
  /\/statectl-python\.conf$/,
  // Ours, the same whatever config.d says.
  /^\/run\/statectl\/bin\/statectl$|^\/etc\/profile\.d\/statectl\.sh$|statectl-agent|statectl-stopping/,
];

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHZ0';

it('every file that a boot makes of config.d is kept so by the agent, but those that are known to be the boot’s', () => {
  const secret = {
    file: '/run/statectl/identity/secrets/0',
    to: '/etc/app/token',
    uid: 0,
    gid: 0,
    credential: 'app',
  };
  const facts = createFacts({
    config: {
      etc: { hostname: 'print01', hosts: { '10.0.0.1': ['a'] }, locale: 'de_DE.UTF-8', timezone: 'Europe/Berlin' },
      boot: { modules: { load: ['loop'], never: ['pcspkr'] } },
      services: { target: 'multi-user', services: { a: 'enabled', b: 'masked' } },
      users: { users: { mia: { groups: [], authorizedKeys: [KEY], sudo: true } } },
      ssh: { userAuthorities: [KEY], principals: { root: ['admins'] }, revoked: [KEY] },
      identity: { authorities: ['PEM'] },
      logging: { syslog: { log: { to: 'log.lab:514', protocol: 'udp' } } },
    },
    system: {
      install: {
        ...createFacts().system.install!,
        serviceManager: 'systemd',
        hasSshd: true,
        hasSudo: true,
        needsHostKey: true,
        certificates: { '/etc/ssl/certs/ca-certificates.crt': 'IMAGE\n' },
      },
      syslog: { daemon: 'rsyslog' },
      python: {
        store: '/run/initramfs/python',
        wanted: [],
        stale: [],
        packages: [{ name: 'extra', sha256: 'ab'.repeat(32), format: 'zip', services: ['klipper'] }],
      },
      identity: { state: 'approved', fingerprint: 'f', secrets: [secret], missing: {} },
    },
    bundle: {
      delivery: {
        files: [{ from: '/x', to: '/etc/motd', sha256: 'cd'.repeat(32), mode: 0o644, uid: 0, gid: 0 }],
        dropped: [],
        listedBefore: [],
        listed: [],
      },
    },
  });
  const live = wantedBy(planLiveFiles(facts));
  expect([...live.keys()]).toEqual(
    expect.arrayContaining(['/etc/motd', '/etc/sudoers.d/statectl', '/etc/rsyslog.d/60-statectl.conf', '/etc/hosts']),
  );
  const rest = [...wantedBy(planInstall(facts)).keys()].filter((path) => !live.has(path));
  expect(rest.filter((path) => !OF_THE_BOOT.some((pattern) => pattern.test(path)))).toEqual([]);
  // Each of them is there: a pattern that fits nothing hides something.
  expect(rest.length).toBeGreaterThan(6);
});

it('what config.d said at the boot, and says no more, does not hold for the running system', async () => {
  const host = machineHost(memoryHost({ files: { '/usr/lib/systemd/system/multi-user.target': '[Unit]\n' } }), RUNNING);
  const context = { say: () => {}, warn: () => {}, signal: new AbortController().signal };
  const install: InstallFacts = {
    ...createFacts().system.install!,
    serviceManager: 'systemd',
    hasSshd: true,
    certificates: { '/etc/ssl/certs/ca-certificates.crt': 'IMAGE\n' },
    defaultTarget: '/usr/lib/systemd/system/multi-user.target',
  };
  const booted = createFacts({ system: { install } });
  const live = await liveFacts(host, booted, createFacts({ system: { install }, servers: { silent: true } }), context);
  expect(live.system.install).not.toHaveProperty('certificates');
  expect(live.system.install).not.toHaveProperty('defaultTarget');
  expect(live.system.install).toMatchObject({ hasSshd: true, services: {}, machineId: install.machineId });
});

describe('the last word of a plan on a path', () => {
  const write = (path: string, content: string) => ({ kind: 'write', path, content }) as const;

  it('counts, and what is removed with its folder is gone but for what comes again', () => {
    const wanted = wantedBy([
      write('/a/one', '1'),
      write('/a/two', '2'),
      { kind: 'remove', path: '/a' },
      { kind: 'mkdir', path: '/a' },
      write('/a/two', '3'),
      { kind: 'remove', path: '/b' },
    ]);
    expect([...wanted].map(([path, { entry }]) => [path, entry.kind])).toEqual([
      ['/a/two', 'file'],
      ['/b', 'absent'],
    ]);
  });
});
