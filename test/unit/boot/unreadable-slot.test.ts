import { expect, it } from 'vitest';
import { boot, EXIT } from '../../../src/boot/boot.ts';
import { unreadableHost } from '../../fixtures/hosts/unreadable.ts';
import { createImage } from '../../fixtures/image/image.ts';
import { booted, filledDisks, holds, machineOf, NEW, OLD } from '../../fixtures/slots/partition-machine.ts';

it('installs nothing over a slot of which the disk does not give what is known, and keeps what the journal says of it', async () => {
  const disks = await filledDisks();
  const offers = createImage({ version: '20261122.1', sizeBytes: 22_000 });
  const machine = machineOf(disks, { offers });
  const host = unreadableHost(machine, ['/run/initramfs/user-data/persistent/slots/a/manifest.json']);
  await boot(host);
  const said = machine.lines.map(({ text }) => text).join('\n');
  expect(said).toContain('slot a: what is known of its image cannot be read, and nothing is written over it');
  expect([holds(disks.a, OLD), holds(disks.b, NEW)]).toEqual([true, true]);
  const { journal } = await booted(disks);
  expect(journal?.a).toMatchObject({ digest: OLD.manifest.root.sha256, state: 'GOOD' });
});

it('boots the other slot where nothing else is offered', async () => {
  const machine = machineOf(await filledDisks());
  const host = unreadableHost(machine, ['/run/initramfs/user-data/persistent/slots/b/manifest.json']);
  expect(await boot(host)).toBe(EXIT.handOver);
  expect(machine.mountedImages).toEqual([OLD.manifest.root.sha256]);
});
