import { afterAll, beforeAll, expect, test } from 'vitest';
import { HANG_MS } from '../../fixtures/hang.ts';
import { DEVICE, MACHINE_ADDRESS, PLACE, VolumeLab } from '../../fixtures/volume/volume-lab.ts';

let lab: VolumeLab;

beforeAll(async () => {
  lab = await VolumeLab.make({ logName: 'drbd-clone' });
  await lab.bootManagement();
  await lab.bootMachine();
});
afterAll(() => lab?.[Symbol.asyncDispose]());

const SOURCE = `awk '$2 == "${PLACE}" { print $1 }' /proc/mounts`;
const asPi = (line: string) => `runuser -u pi -- sh -c 'cd ${PLACE}; ${line}; sync -f .'`;
const become = (name: 'machine' | 'clone', state: string) =>
  expect.poll(async () => (await lab.standing(name))?.state, { timeout: HANG_MS, interval: 1_000 }).toBe(state);
const untilAlone = () => lab.management.vm.run('until grep -q WFConnection /proc/drbd; do sleep 0.5; done');

test('another machine with the key of one that has its volume gets none, says why, and is a branch; the first goes on', async () => {
  const { machine } = lab;
  await machine.run(asPi('echo first >who'));
  const clone = await lab.bootClone();
  expect(await clone.run(SOURCE)).toBe('volume');
  expect(await clone.run('cat /run/statectl/state/voron/session.json')).toMatch(/"lease":2.*has another machine/);
  await clone.run(asPi('echo clone >who'));
  await become('clone', 'branch');
  expect(await lab.management.statectl('printer branches voron')).toMatch(/print13/);
  await machine.run(asPi('echo first again >who'));
  await become('machine', 'in-step');
  expect(await machine.run('cat /proc/drbd')).toContain('cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate');

  // Whoever boots when the first is gone has what that one wrote.
  await lab.pullPlug('machine');
  await lab.pullPlug('clone');
  const next = await lab.bootMachine();
  expect(await next.run(`${SOURCE}; cat ${PLACE}/who`)).toBe(`${DEVICE}\nfirst again`);
});

test('a machine that was replaced while it was cut off is a stranger afterwards: what its successor wrote stays, and its own is a branch', async () => {
  const { machine } = lab;
  const plug = (up: boolean) => machine.qmp('set_link', { name: 'nic0', up });
  const write = (who: string) =>
    asPi(`for i in 1 2 3 4 5 6 7 8; do head -c 200000 /dev/urandom >$i; done; echo ${who} >who; sha256sum ? who >sums`);
  await machine.run(write('first'));
  await become('machine', 'in-step');
  await plug(false);
  await untilAlone();
  await machine.run(write('cut off'));
  const successor = await lab.bootClone(MACHINE_ADDRESS);
  expect(await successor.run(`${SOURCE}; cat ${PLACE}/who`)).toBe(`${DEVICE}\nfirst`);
  await successor.run(write('successor'));
  await become('clone', 'in-step');
  await lab.pullPlug('clone');
  await untilAlone();

  await plug(true);
  await become('machine', 'branch');
  expect(await machine.run(`cat ${PLACE}/who`)).toBe('cut off');
  const look = [
    'drbdadm primary all',
    `(e2fsck -p ${DEVICE} >&2 || [ $? -eq 1 ])`,
    `mount -o ro ${DEVICE} /mnt`,
    'cat /mnt/who',
  ];
  expect(await lab.management.vm.run(`${look.join(' && ')} && cd /mnt && sha256sum --quiet -c sums`)).toBe('successor');
});
