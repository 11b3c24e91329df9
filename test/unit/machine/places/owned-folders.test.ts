import { describe, expect, it } from 'vitest';
import { boot, EXIT } from '../../../../src/boot/boot.ts';
import type { Seed } from '../../../../src/host/memory/seed.ts';
import type { BootRecord } from '../../../../src/machine/boot-record.ts';
import { BOOT_RECORD } from '../../../../src/machine/paths.ts';
import { createBundle, createContent, createFile, withBundle } from '../../../fixtures/bundle.ts';
import { loadFiles, SHIPPED_FILES } from '../../../fixtures/config.ts';
import { createImage, createServer, DEBIAN_TREE } from '../../../fixtures/image/image.ts';
import { bootHost, type Machine, SERVER } from '../../../fixtures/machine.ts';

const DATA = '/home/pi/printer_data';
const PI = { uid: 1000, gid: 1000 };
const ACCOUNTS = {
  '/etc/passwd': 'root:x:0:0::/root:/bin/sh\npi:x:1000:1000::/home/pi:/bin/sh\n',
  '/etc/group': 'root:x:0:\npi:x:1000:\n',
};

/** A machine whose config.d has a printer, after its boot. */
async function booted(tree: Readonly<Record<string, Seed>> = {}, state = `data: ${DATA}, user: pi`): Promise<Machine> {
  const config = await loadFiles({ ...SHIPPED_FILES, 'system/state.conf': `printers: { voron: { ${state} } }` });
  const image = createImage({ tree: { ...DEBIAN_TREE, ...ACCOUNTS, ...tree } });
  const files = [createFile(`${DATA}/config/moonraker.conf`, { owner: 'pi', group: 'pi' })];
  const content = createContent(files, { state: config.state, tmpfs: config.tmpfs });
  const machine = bootHost({
    images: [image],
    servers: { [SERVER]: withBundle(createBundle({ content, sequence: 1 }), createServer(image)) },
  });
  const exit = await boot(machine);
  expect({ exit, said: machine.lines.at(-1)?.text }).toMatchObject({ exit: EXIT.handOver });
  return machine;
}

const warnings = async ({ files }: Machine): Promise<readonly string[]> =>
  (JSON.parse(await files.readText(BOOT_RECORD)) as BootRecord).warnings.filter(
    (text) => !/persists|^no server to prove|^voron: /.test(text),
  );
const ownerOf = async ({ files }: Machine, path: string) => {
  const { type, uid, gid } = (await files.stat(`/sysroot${path}`)) ?? {};
  return { type, uid, gid };
};

describe('the folders of a printer', () => {
  it('are made for its user, with the way to them, before files are delivered there', async () => {
    const machine = await booted();
    for (const folder of ['', '/database', '/gcodes', '/config', '/logs', '/comms', '/misc'])
      expect([folder, await ownerOf(machine, `${DATA}${folder}`)]).toEqual([folder, { type: 'dir', ...PI }]);
    expect(await ownerOf(machine, '/home/pi')).toEqual({ type: 'dir', ...PI });
    expect(await ownerOf(machine, '/home')).toMatchObject({ uid: 0 });
    expect(await ownerOf(machine, `${DATA}/config/moonraker.conf`)).toMatchObject(PI);
    expect(await warnings(machine)).toEqual([]);
  });

  it('that somebody else owns already stay theirs', async () => {
    const machine = await booted({
      [DATA]: { type: 'dir', uid: 1000, gid: 33 },
      [`${DATA}/gcodes`]: { type: 'dir', uid: 33, gid: 33 },
    });
    expect(await ownerOf(machine, DATA)).toMatchObject({ uid: 1000, gid: 33 });
    expect(await ownerOf(machine, `${DATA}/gcodes`)).toMatchObject({ uid: 33, gid: 33 });
    expect(await ownerOf(machine, `${DATA}/database`)).toMatchObject(PI);
  });

  it('are left to root, and it is told, when the system has no such user', async () => {
    const machine = await booted({}, `data: ${DATA}, user: klipper`);
    expect(await warnings(machine)).toEqual([
      `not made for klipper: this system has no user "klipper" (${['', '/comms', '/config', '/database', '/gcodes', '/logs', '/misc'].map((folder) => DATA + folder).join(', ')})`,
    ]);
    expect(await ownerOf(machine, `${DATA}/gcodes`)).toMatchObject({ type: undefined });
  });

  it.each(['/etc', '/etc/shadow', '/nowhere'])('never lead by a link to %s', async (target) => {
    const machine = await booted({ '/etc/shadow': 'x', [`${DATA}/gcodes`]: { target } });
    expect(await warnings(machine)).toEqual([
      `not made for pi: ${DATA}/gcodes is no folder but a symlink (${DATA}/gcodes)`,
    ]);
    expect(await ownerOf(machine, '/etc')).toMatchObject({ uid: 0 });
    expect(await ownerOf(machine, '/etc/shadow')).toMatchObject({ uid: 0 });
  });
});
