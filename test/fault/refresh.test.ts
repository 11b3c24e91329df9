import { describe, expect, it } from 'vitest';
import { APPLIED } from '../../src/agent/apply/applied-record.ts';
import type { Host } from '../../src/host/host.ts';
import { createFile } from '../fixtures/bundle.ts';
import { createDisk, userDataDisk } from '../fixtures/disks/disk.ts';
import { type Failure, failingHost } from '../fixtures/hosts/failing.ts';
import { type RunningMachine, runningMachine, type Wish } from '../fixtures/running-machine.ts';

const user = { groups: ['dialout'], authorizedKeys: [], sudo: false };
const data = { source: 'LABEL=data', type: 'auto' as const, options: [], missing: 'ignore' as const };
const file = (path: string, content: string) => createFile(path, { content });

/** Three bundles, each with something the others lack, and something that all have and none has alike. */
const WISHES: Readonly<Record<'a' | 'b' | 'c', Wish>> = {
  a: {
    files: [file('/etc/motd', 'a'), file('/etc/issue', 'a'), file('/root/kept', 'a')],
    config: { etc: { timezone: 'Europe/Berlin' }, users: { users: { ann: user } } },
  },
  b: {
    files: [file('/etc/motd', 'b'), createFile('/etc/new/b', { owner: 'klipper' }), file('/root/other', 'b')],
    config: {
      etc: { timezone: 'Europe/Paris' },
      users: { users: { ben: user } },
      ssh: { principals: { root: ['b'] } },
      fstab: { '/srv/data': data },
    },
  },
  c: {
    files: [file('/etc/motd', 'c'), file('/etc/issue', 'c'), file('/root/kept', 'c')],
    config: { users: { users: { ann: user } }, ssh: { principals: { root: ['c'] } } },
  },
};

const running = () =>
  runningMachine({
    ...WISHES.a,
    config: { ...WISHES.a.config, fstab: {} },
    disks: [userDataDisk(), createDisk({ name: 'vdc', label: 'data', files: {} })],
    tree: { '/etc/issue': 'image', '/srv/data': { type: 'dir' } },
  });

async function contents({ files }: Host, folder: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const name of await files.list(folder)) {
    const path = `${folder}/${name}`;
    const stat = await files.stat(path);
    if (stat?.type === 'dir') Object.assign(found, await contents({ files } as Host, path));
    else if (stat?.type === 'symlink') found[path] = await files.readlink(path);
    else found[path] = [await files.readText(path), stat?.mode, stat?.uid];
  }
  return found;
}

/** All that a bundle can change, but the times. */
const stateOf = async (machine: RunningMachine) => ({
  etc: await contents(machine.host, '/etc'),
  root: await contents(machine.host, '/root'),
  logins: await contents(machine.host, '/run/statectl/logins'),
  list: await machine.read('/user-data/persistent/statectl/bundle/delivered'),
  mounts: machine.machine.mounts.map(({ source, target }) => `${source} ${target}`),
  record: { ...JSON.parse(await machine.host.files.readText(APPLIED)), atMs: 0, bundle: 0, warnings: [] },
});

const serve = (machine: RunningMachine, wish: 'b' | 'c') =>
  machine.serve({ ...WISHES[wish], config: { fstab: {}, ...WISHES[wish].config } });

async function undisturbed(wish: 'b' | 'c') {
  const machine = await running();
  serve(machine, wish);
  expect(await machine.refresh()).toMatchObject({ state: 'applied', keptLocal: [], needsReboot: [] });
  return stateOf(machine);
}
const FINAL = { b: await undisturbed('b'), c: await undisturbed('c') };

/** The agent is killed while it makes b of a. False: it came to its end before. */
async function killed(failure: Failure): Promise<RunningMachine | undefined> {
  const machine = await running();
  serve(machine, 'b');
  const failing = failingHost(machine.host, failure);
  await machine.refresh(failing).catch(() => undefined);
  return failing.effects < failure.at ? undefined : machine;
}

describe.each(['stop', 'error'] as const)('an agent in whose way something comes (%s) at any instant', (how) => {
  it.each(['b', 'c'] as const)(
    'is completed by the next, whether it gets the same bundle or another (%s)',
    async (next) => {
      let at = 1;
      for (; ; at += 1) {
        const machine = await killed({ at, how });
        if (!machine) break;
        serve(machine, next);
        const { keptLocal, needsReboot } = await machine.refresh();
        expect({ keptLocal, needsReboot }, `at effect ${at}`).toEqual({ keptLocal: [], needsReboot: [] });
        expect(await stateOf(machine), `at effect ${at}`).toEqual(FINAL[next]);
      }
      expect(at).toBeGreaterThan(30);
    },
  );
});

describe('an agent that is killed twice', () => {
  it('takes nothing that it wrote itself for a work of a person', async () => {
    for (let at = 1; ; at += 2) {
      const machine = await killed({ at, how: 'stop' });
      if (!machine) break;
      serve(machine, 'c');
      await machine.refresh(failingHost(machine.host, { at: Math.ceil(at / 2), how: 'stop' })).catch(() => undefined);
      serve(machine, 'b');
      expect((await machine.refresh()).keptLocal, `at effect ${at}`).toEqual([]);
      expect(await stateOf(machine), `at effect ${at}`).toEqual(FINAL.b);
    }
  });
});
