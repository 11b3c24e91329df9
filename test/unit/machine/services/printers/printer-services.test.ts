import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Seed } from '../../../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../../../src/host/memory.ts';
import { machineHost, RUNNING } from '../../../../../src/machine/roots.ts';
import { planPrinterServices, printerServices } from '../../../../../src/machine/services/printers/printer-services.ts';
import { makePrinterFile } from '../../../../../src/machine/state/printer-file.ts';
import { loadFiles } from '../../../../fixtures/config.ts';
import { createFacts } from '../../../../fixtures/facts.ts';

const DATA = '/home/pi/printer_data';
const STATE = `printers: { voron: { data: ${DATA}, user: pi } }`;
const SYSTEM: Readonly<Record<string, Seed>> = {
  '/etc/passwd': 'pi:x:1000:1000::/home/pi:/bin/sh\n',
  '/etc/group': 'pi:x:1000:\n',
  '/proc/mounts': 'tmpfs /home tmpfs rw 0 0\n',
  '/home/pi/klipper/klippy/klippy.py': '',
  '/home/pi/moonraker/moonraker/moonraker.py': '',
  [DATA]: { type: 'dir' },
};

async function found(
  files: Readonly<Record<string, Seed>> = {},
  state = STATE,
  manager: 'systemd' | 'openrc' = 'systemd',
) {
  const config = await loadFiles({
    'system/overlays.conf': '/home: { kind: tmpfs }\n/etc: { kind: tmpfs }',
    'system/state.conf': state,
  });
  const base = createFacts();
  const facts = {
    ...base,
    config: { ...base.config, state: config.state, overlays: config.overlays },
    system: { ...base.system, install: { ...base.system.install, serviceManager: manager } as never },
  };
  const told: string[] = [];
  const host = memoryHost({ files: { ...SYSTEM, ...files }, programs: { chown: () => undefined } });
  const warn = (text: string) => void told.push(text);
  const printerEnvironment = await printerServices(machineHost(host, RUNNING), facts, { warn });
  const steps = planPrinterServices({
    ...facts,
    system: { ...facts.system, ...(printerEnvironment && { printerEnvironment }) },
  });
  return { told, steps, host, printerEnvironment };
}
const written = (steps: Awaited<ReturnType<typeof found>>['steps']) =>
  Object.fromEntries(steps.flatMap((step) => (step.kind === 'write' ? [[step.path, step.content]] : [])));

describe('what Klipper and Moonraker are started with', () => {
  it('is made as KIAUH and MainsailOS have it, where it is missing and the program is there', async () => {
    const { printerEnvironment, told } = await found();
    expect(printerEnvironment?.map(({ path, content }) => [path, content.split('\n')[1]])).toEqual([
      [
        `${DATA}/systemd/klipper.env`,
        `KLIPPER_ARGS="/home/pi/klipper/klippy/klippy.py ${DATA}/config/printer.cfg -I ${DATA}/comms/klippy.serial -l ${DATA}/logs/klippy.log -a ${DATA}/comms/klippy.sock"`,
      ],
      [`${DATA}/systemd/moonraker.env`, `MOONRAKER_ARGS="/home/pi/moonraker/moonraker/moonraker.py -d ${DATA}"`],
    ]);
    expect(told).toEqual([]);
  });

  it('is left where it is there, also as a link, and without its program', async () => {
    const there = { [`${DATA}/systemd/klipper.env`]: { target: '/etc/klipper.env' } };
    expect((await found(there)).printerEnvironment?.map(({ path }) => path)).toEqual([`${DATA}/systemd/moonraker.env`]);
    const elsewhere = STATE.replace('user: pi', 'user: pi, programs: { klipper: /opt/klipper, moonraker: /opt/mr }');
    expect((await found({}, elsewhere)).printerEnvironment).toEqual([]);
    const [klipper] = (await found({ '/opt/klipper/klippy/klippy.py': '' }, elsewhere)).printerEnvironment ?? [];
    expect(klipper?.content).toContain('/opt/klipper/klippy/klippy.py');
  });

  it('names the socket that state.conf names, and is not made of what its file cannot say', async () => {
    const socket = STATE.replace('user: pi', 'user: pi, socket: /run/klippy.sock');
    expect((await found({}, socket)).printerEnvironment?.[0]?.content).toContain(' -a /run/klippy.sock"');
    const odd = STATE.replace('user: pi', 'user: pi, programs: { klipper: "/home/pi/my $klipper" }');
    expect((await found({ '/home/pi/my $klipper/klippy/klippy.py': '' }, odd)).printerEnvironment).toHaveLength(1);
  });

  it('belongs to the printer’s user, and goes through no link of theirs', async () => {
    const make = async (files: Readonly<Record<string, Seed>>) => {
      const host = memoryHost({ files, programs: { chown: () => undefined } });
      const told: string[] = [];
      const file = { path: `${DATA}/systemd/klipper.env`, content: 'x', uid: 1000, gid: 1000 };
      await makePrinterFile(file, host, { warn: (text) => void told.push(text), signal: new AbortController().signal });
      return { told, host };
    };
    const { host, told } = await make({ [DATA]: { type: 'dir' } });
    expect(told).toEqual([]);
    expect(await host.files.readText(`${DATA}/systemd/klipper.env`)).toBe('x');
    expect(host.commands).toEqual([
      `chown -h 1000:1000 ${DATA}/systemd`,
      `chown -h 1000:1000 ${DATA}/systemd/.statectl-new`,
    ]);
    const linked = await make({ [`${DATA}/systemd`]: { target: '/etc' }, '/etc/passwd': '' });
    expect(linked.told).toEqual([
      `${DATA}/systemd/klipper.env is not made: ${DATA}/systemd is a symlink: ${DATA}/systemd/klipper.env is not written`,
    ]);
    expect(await linked.host.files.list('/etc')).toEqual(['passwd']);
    expect((await make({ '/home/pi/x': '' })).told[0]).toContain('is not there');
  });
});

describe('services of a printer', () => {
  it('of systemd start when what they read is there; nothing that is unmounted ends one', async () => {
    expect(written((await found()).steps)).toMatchInlineSnapshot(`
      {
        "/run/systemd/system/klipper.service.d/50-statectl.conf": "# Made by statectl at boot.
      [Unit]
      After=local-fs.target
      ",
        "/run/systemd/system/moonraker.service.d/50-statectl.conf": "# Made by statectl at boot.
      [Unit]
      Wants=statectl-printer-voron.service
      After=local-fs.target statectl-printer-voron.service
      ",
        "/run/systemd/system/statectl-printer-voron.service": "# Made by statectl at boot.
      [Unit]
      Description=the state of printer voron is there
      After=local-fs.target

      [Service]
      Type=oneshot
      TimeoutStartSec=infinity
      ExecStart=/bin/sh -c 'n=0; while ls /run/statectl/state/voron/*.loading >/dev/null 2>&1 && [ $$n -lt 300 ]; do sleep 1; n=$$((n+1)); done'
      ",
      }
    `);
  });

  it('have each a name of its own where there are several printers', async () => {
    const { steps } = await found(
      {},
      `printers: { a: { data: /home/a, user: pi }, b: { data: /home/b, user: pi, services: { moonraker: mr } } }`,
    );
    expect(Object.keys(written(steps))).toEqual([
      '/run/systemd/system/klipper-a.service.d/50-statectl.conf',
      '/run/systemd/system/moonraker-a.service.d/50-statectl.conf',
      '/run/systemd/system/statectl-printer-a.service',
      '/run/systemd/system/klipper-b.service.d/50-statectl.conf',
      '/run/systemd/system/mr.service.d/50-statectl.conf',
      '/run/systemd/system/statectl-printer-b.service',
    ]);
  });

  it.each(['systemd', 'openrc'] as const)(
    'of %s wait while the state is being loaded, and not for ever',
    async (manager) => {
      const { steps } = await found({}, STATE, manager);
      const path =
        manager === 'systemd'
          ? '/run/systemd/system/statectl-printer-voron.service'
          : '/etc/init.d/statectl-printer-voron';
      const text = written(steps)[path] ?? '';
      const [, script = ''] =
        manager === 'systemd'
          ? (/ExecStart=\/bin\/sh -c '(.*)'/.exec(text) ?? [])
          : (/start\(\) \{\n\t(.*)\n\}/.exec(text) ?? []);
      const dir = mkdtempSync(join(tmpdir(), 'statectl-loading-'));
      const mark = join(dir, 'gcode.loading');
      writeFileSync(
        join(dir, 'sleep'),
        `#!/bin/sh\necho "$*" >> ${dir}/slept; [ "$GOES" = never ] || rm -f ${mark}\n`,
        { mode: 0o755 },
      );
      // systemd makes one $ of two.
      const shell = script.replaceAll('$$', '$').replaceAll('/run/statectl/state/voron', dir);
      const run = (goes: string): number => {
        rmSync(join(dir, 'slept'), { force: true });
        execFileSync('/bin/sh', ['-c', shell], { env: { PATH: `${dir}:${process.env.PATH}`, GOES: goes } });
        return existsSync(join(dir, 'slept'))
          ? (execFileSync('wc', ['-l', join(dir, 'slept')])
              .toString()
              .split(' ')
              .map(Number)[0] ?? 0)
          : 0;
      };
      try {
        expect(run('soon')).toBe(0);
        writeFileSync(mark, '');
        expect(run('soon')).toBe(1);
        writeFileSync(mark, '');
        expect(run('never')).toBe(300);
      } finally {
        rmSync(dir, { recursive: true });
      }
    },
  );

  it('of OpenRC: the one that waits is before Moonraker, in the runlevel of the boot', async () => {
    const { steps } = await found({}, STATE, 'openrc');
    const script = written(steps)['/etc/init.d/statectl-printer-voron'] ?? '';
    expect(script).toMatch(/^#!\/sbin\/openrc-run\n/);
    expect(script).toMatch(/depend\(\) \{\n\tafter localmount\n\tbefore moonraker\n\}/);
    expect(steps).toContainEqual({
      kind: 'symlink',
      target: '/etc/init.d/statectl-printer-voron',
      path: '/etc/runlevels/default/statectl-printer-voron',
    });
  });

  it('without a printer nothing is made, nor told', async () => {
    expect(await found({}, '')).toMatchObject({ steps: [], told: [], printerEnvironment: undefined });
  });

  it('are told, with file and line, what of moonraker.conf a read-only system cannot do', async () => {
    const conf = '[machine]\nprovider: systemd_dbus\nvalidate_service: False\n[update_manager]\n';
    const { told } = await found({ [`${DATA}/config/moonraker.conf`]: conf });
    expect(told.map((text) => text.split(/: (?:updates|say)/)[0])).toEqual([
      `voron: ${DATA}/config/moonraker.conf:4 [update_manager]`,
      `voron: ${DATA}/config/moonraker.conf:2 provider is systemd_dbus`,
    ]);
  });
});
