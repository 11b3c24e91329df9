import { reasonOf, StatectlError } from '../../error.ts';
import { shellLine, shellQuote } from '../../host/shell-line.ts';
import { findDevice } from '../facts/block-devices.ts';
import { parseDeviceReference } from '../facts/device-reference.ts';
import { CRASH_STORES, MOUNT_CRASHES, showCrashes } from '../pstore/show-crashes.ts';
import { coldplug, firstColdplug } from './coldplug.ts';
import { kind } from './kind.ts';

const LOOK_MS = 200;
const FIRST_WORD_MS = 2_000;
const WORD_MS = 5_000;

/** Drivers, and the devices that appear by them. */
export const devices = {
  coldplug: kind<object>({
    describe: () => 'load the drivers of the devices that are there',
    command: () =>
      'for round in 1 2 3; do find /sys/devices -name modalias -exec cat {} + | sort -u | xargs modprobe -abq; done',
    apply: (_step, host, task) => firstColdplug(host, task),
  }),

  'show-crashes': kind<object>({
    describe: () => 'show what the kernel kept of a crash',
    command: () =>
      `modprobe -abq ${CRASH_STORES.join(' ')}; ${shellLine(MOUNT_CRASHES)} || echo 'nothing is kept of crashes'`,
    apply: (_step, host) => showCrashes(host),
  }),

  'wait-for-device': kind<{ readonly reference: string; readonly seconds: number }>({
    describe: ({ reference, seconds }) => `wait for ${reference} (up to ${seconds} s)`,
    command: ({ reference, seconds }) =>
      `n=0; until ${shellLine(reference.startsWith('/') ? ['test', '-b', reference] : ['findfs', reference])} || [ $n -ge ${seconds} ]; do sleep 1; n=$((n+1)); done`,
    async apply({ reference, seconds }, host, task) {
      const wanted = parseDeviceReference(reference);
      const deadline = host.clock.uptimeMs() + seconds * 1000;
      let nextWord = host.clock.uptimeMs() + FIRST_WORD_MS;
      while (!(await findDevice(host, wanted))) {
        const leftMs = deadline - host.clock.uptimeMs();
        // Whether a device that did not come is fatal is for the planner of the next round to say.
        if (leftMs <= 0) return task.warn(`${reference} did not appear in ${seconds} s`);
        if (host.clock.uptimeMs() >= nextWord) {
          task.say(`waiting for ${reference}, ${Math.ceil(leftMs / 1000)} s left`);
          nextWord = host.clock.uptimeMs() + WORD_MS;
        }
        await host.clock.sleep(Math.min(leftMs, LOOK_MS), task.signal);
        await coldplug(host, task);
      }
    },
  }),

  /** A file of sysfs or /proc/sys. */
  'kernel-setting': kind<{ readonly path: string; readonly value: string }>({
    describe: ({ path, value }) => `set ${path} to ${value}`,
    command: ({ path, value }) => `echo ${shellQuote(value)} > ${shellQuote(path)}`,
    async apply({ path, value }, { files }) {
      // What a try before has set may not be changeable any more, such as the mode of a bond with members.
      const now = (await files.readText(path).catch(() => '')).split(/\s+/);
      if (now.includes(value.replace(/^\+/, ''))) return;
      // Written in place: such a file cannot be replaced.
      await files.append(path, value).catch((error) => {
        throw new StatectlError(
          'setting-refused',
          `the kernel does not take ${value} for ${path}: ${reasonOf(error)}`,
          {
            hint: `see what it has: cat ${path}; dmesg | tail`,
            cause: error,
          },
        );
      });
    },
  }),
};
