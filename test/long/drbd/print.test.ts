import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../fixtures/free-port.ts';
import { HANG_MS } from '../../fixtures/hang.ts';
import { type GuestPrinter, guestPrinter } from '../../fixtures/print-host/guest-printer.ts';
import { completedIn } from '../../fixtures/print-host/print-workload.ts';
import { CHECKOUTS } from '../../fixtures/print-host/programs.ts';
import { programsDisk } from '../../fixtures/print-host/programs-disk.ts';
import { DATA, DEVICE, PLACE, VolumeLab } from '../../fixtures/volume/volume-lab.ts';

/** Half a minute and more, by line as a slicer writes it. */
const LONG = Array.from({ length: 80 }, (_, layer) => `M117 ${layer}\nG4 P500\n`).join('');

let lab: VolumeLab;
let printer: GuestPrinter;

beforeAll(async () => {
  const moonrakerPort = await freePort();
  const machine = {
    disks: [{ file: await programsDisk(CHECKOUTS), temporary: true }],
    nics: [{ netdev: `user,hostfwd=tcp:127.0.0.1:${moonrakerPort}-:7125` }],
    cmdline: 'ip=eth1:dhcp',
  };
  lab = await VolumeLab.make({ logName: 'drbd-print', machine });
  printer = guestPrinter({
    run: (line) => lab.machine.run(line),
    isOn: () => true,
    ...{ data: DATA, moonrakerPort, disk: '/dev/vdc', real: CHECKOUTS },
  });
  await lab.bootManagement();
  await lab.bootMachine();
  await printer.startPrograms();
});
afterAll(() => lab?.[Symbol.asyncDispose]());

const state = async () => (await lab.standing())?.state;

test("a print whose Moonraker has its database on a volume outlives the server and the server's disk, and is in its history", async () => {
  expect(await lab.machine.run(`awk '$2 == "${PLACE}" { print $1 }' /proc/mounts; ls ${PLACE}`)).toMatch(
    new RegExp(`^${DEVICE}\n[^]*moonraker-sql\\.db`),
  );
  await printer.upload('long.gcode', LONG);
  await printer.print('long.gcode');
  await lab.management.pullPlug();
  expect(completedIn(await printer.jobs())).toBe(0);
  await expect.poll(async () => completedIn(await printer.jobs()), { timeout: HANG_MS, interval: 1_000 }).toBe(1);
  await expect.poll(state, { timeout: HANG_MS, interval: 1_000 }).toBe('ahead');
  await lab.bootManagement();
  await expect.poll(state, { timeout: HANG_MS, interval: 1_000 }).toBe('in-step');

  // All of it is with the server: the next boot has it, whichever machine that is.
  await lab.pullPlug('machine');
  await lab.bootMachine();
  await printer.startPrograms();
  expect((await printer.jobs()).map(({ filename, status }) => [filename, status])).toEqual([
    ['long.gcode', 'completed'],
  ]);
});
