import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CachedGcode, cachedGcode, gcodeOf } from '../../fixtures/print-host/gcode/cached-gcode.ts';
import { DATA, type PrintGuest, printGuest } from '../../fixtures/print-host/print-guest.ts';
import { CHECKOUTS } from '../../fixtures/print-host/programs.ts';
import { trixieImage } from '../../fixtures/vm/images/trixie-image.ts';

const PLACE = 'kind: cache, printer: voron, limit: 3M, source: "folder:farm"';
const HOSTS = [
  { title: 'Debian 13 (Linux 6.12)', image: trixieImage, gcodes: `{ ${PLACE} }` },
  { title: 'Debian 12 (Linux 6.1) with restart: pause', gcodes: `{ ${PLACE}, restart: pause }` },
];
const FILE_BYTES = 1_000_000;
/** Three have room. */
const FILES = 6;
/** Whoever serves begins anew within two seconds of an emulated machine that has a core for itself. */
const MOST_WAIT_MS = 20_000;
const KILLS = 24;
/** 30 KiB a second. */
const PRINT_PAUSE_MS = 270;
/** Ten blocks of Klipper and a pause each: half a minute in all. */
const PIECES = 12;
/** "No route to host", from the start of a program to its end, by the clock of an emulated machine. */
const AT_ONCE_MS = 5_000;
const timed = (command: string): string =>
  `began=$(date +%s%N); ${command} 2>&1; echo $(( ($(date +%s%N) - began) / 1000000 )) ms`;
/** systemd waits 90 s for what hangs. */
const WAY_DOWN_MS = 60_000;

describe.each(HOSTS)('a print host of $title whose gcode is a cache', ({ title, image, gcodes }) => {
  let machine: PrintGuest;
  let gcode: CachedGcode;
  const digests = new Map<string, string>();

  beforeAll(async () => {
    const kind = { gcodes, ...(image && { image: await image() }) };
    machine = await printGuest(`cache-${title.replace(/\W+/g, '-')}`, CHECKOUTS, kind);
    gcode = cachedGcode(machine, 'farm');
    for (let index = 0; index < FILES; index += 1)
      digests.set(`part-${index}.gcode`, await gcode.give(`part-${index}.gcode`, gcodeOf(FILE_BYTES), index));
    await machine.startServer();
    await machine.enrol();
    await machine.boot();
    await machine.startPrograms();
  });
  afterAll(() => machine?.[Symbol.asyncDispose]());

  const away = async (): Promise<string> => {
    const here = await gcode.here();
    return [...digests.keys()].find((name) => !here.includes(name)) ?? '';
  };
  /** What a program of its user says of it. */
  const readOnce = (name: string) => machine.run(`runuser -u pi -- sha256sum ${DATA}/gcodes/${name} 2>&1 || true`);
  const names = async () => (await machine.run(`ls ${DATA}/gcodes`)).split('\n');
  /** What others bring is looked at each minute, and when something is sent. */
  async function shown(name: string): Promise<void> {
    await machine.upload('another.gcode', 'G4 P1\n');
    await expect.poll(names).toContain(name);
  }

  test('has a service that shows it, before Klipper and Moonraker begin', async () => {
    expect(await machine.run(`systemctl is-active ${gcode.service}; systemctl --failed --no-legend`)).toBe('active');
    for (const unit of ['klipper', 'moonraker'])
      expect(await machine.run(`systemctl show -P After ${unit}`)).toContain(`${gcode.service}.service`);
    expect(await names()).toEqual([...digests.keys()]);
    expect((await gcode.here()).length).toBeLessThan(FILES);
  });

  test('brings each file when it is opened, whole', async () => {
    for (const [name, sha256] of digests) expect(await readOnce(name)).toContain(sha256);
    expect((await gcode.here()).length).toBeLessThan(FILES);
  });

  test('gives every byte, and no reader waits long, while server, agent and whoever serves it are killed in turn', async () => {
    const files = (await gcode.here()).slice(0, 3);
    const pauses = Object.fromEntries(files.map((name, index) => [name, index === 0 ? PRINT_PAUSE_MS : 0]));
    const reports = await gcode.read(pauses, async () => {
      for (let kill = 0; kill < KILLS; kill += 1) {
        await gcode.kill((['cache', 'agent', 'twice', 'server'] as const)[kill % 4] ?? 'cache');
        // What is in the kernel's cache is asked of nobody.
        for (let look = 0; look < kill % 9; look += 1) {
          await machine.run('echo 1 >/proc/sys/vm/drop_caches');
          await sleep(200);
        }
      }
    });
    for (const [index, name] of files.entries()) {
      const { passes, sha256, longestMs, faults } = reports[index] ?? { passes: 0 };
      console.log(`${title}: ${name} was read ${passes} times, and waited ${longestMs} ms at most`);
      expect({ sha256, faults }).toEqual({ sha256: passes === 0 ? [] : [digests.get(name)], faults: [] });
      expect(longestMs).toBeLessThan(MOST_WAIT_MS);
      if (index > 0) expect(passes).toBeGreaterThan(3);
    }
  });

  test('lets an open wait as long as somebody may bring the file, and fails it at once where nobody does', async () => {
    const name = await away();
    await machine.killServer();
    const failed = async () => {
      const [, text, ms] = (await machine.run(timed(`runuser -u pi -- sha256sum ${DATA}/gcodes/${name}`))).match(
        /(.*)\n(\d+) ms$/s,
      )!;
      expect(text).toContain('No route to host');
      expect(Number(ms)).toBeLessThan(AT_ONCE_MS);
    };
    await failed();
    await machine.run('systemctl stop statectl-agent');
    await failed();
    await machine.startServer();
    await machine.run('systemctl start statectl-agent');
    await expect.poll(() => readOnce(name)).toContain(digests.get(name));

    const later = await away();
    const [report] = await gcode.read({ [later]: 0 }, () =>
      gcode.withoutAgent(async () => {
        await gcode.wanted();
        await gcode.kill('cache');
        await gcode.wanted();
      }),
    );
    expect(report).toMatchObject({ sha256: [digests.get(later)], faults: [] });
  });

  test('prints what only its server had, to the end, whoever is killed meanwhile', async () => {
    const piece = (_: unknown, n: number) =>
      `${gcodeOf(81_920)}SAVE_VARIABLE VARIABLE=pieces VALUE=${n + 1}\nG4 P2000\n`;
    await gcode.give('job.gcode', Array.from({ length: PIECES }, piece).join(''), -1);
    await shown('job.gcode');
    expect(await gcode.here()).not.toContain('job.gcode');
    await machine.print('job.gcode');
    const status = async () =>
      (await machine.jobs()).filter(({ filename }) => filename === 'job.gcode').map((job) => job.status);
    await expect.poll(status).toEqual(['in_progress']);
    for (const whom of ['cache', 'server', 'agent', 'cache'] as const) {
      await machine.run('echo 1 >/proc/sys/vm/drop_caches');
      await gcode.kill(whom);
      await sleep(3_000);
    }
    expect(await status()).toEqual(['in_progress']);
    await expect.poll(status).toEqual(['completed']);
    expect(await machine.run(`cat ${DATA}/config/variables.cfg`)).toContain(`pieces = ${PIECES}`);
  });

  test('tells Moonraker of what others bring', async () => {
    await gcode.give('fresh.gcode', 'G4 P1\n', FILES);
    await shown('fresh.gcode');
    await expect
      .poll(() => machine.ask('GET', '/server/files/metadata?filename=fresh.gcode').catch(() => undefined))
      .toMatchObject({ size: 6 });
  });

  test('is the plain folder when its service is stopped, and shown anew when it starts, or the holder was killed', async () => {
    await machine.run(`systemctl stop ${gcode.service}`);
    expect(await names()).toEqual(await gcode.here());
    await machine.run(`systemctl start ${gcode.service}`);
    await expect.poll(names).toEqual(expect.arrayContaining([...digests.keys()]));
    await machine.run(`kill -KILL $(systemctl show -P MainPID ${gcode.service})`);
    const name = await away();
    await expect.poll(() => readOnce(name)).toContain(digests.get(name));
  });

  test('goes down without waiting for anybody, also while it is read', async () => {
    const [name = ''] = digests.keys();
    await gcode
      .read({ [name]: PRINT_PAUSE_MS }, async () => {
        expect(await machine.powerOff()).toBeLessThan(WAY_DOWN_MS);
      })
      .catch((error: Error) => expect(error.message).toContain('the machine is off'));
  });
});
