import { describe, expect, it } from 'vitest';
import { checkConfigDir } from '../../../../src/config/check/check.ts';
import { formatFault } from '../../../../src/config/check/fault.ts';
import { readConfigDir } from '../../../../src/config/config-dir.ts';
import { readTemplates } from '../../../../src/config/templates/template-set.ts';
import { configHost, loadFiles } from '../../../fixtures/config.ts';

const PLACE = '{ kind: drbd, printer: voron, size: 64M }';
const stateOf = (place: string, printer = '') => `set:
  overlays: { /home: { kind: tmpfs } }
  state:
    printers: { voron: { data: /home/pi/data, user: pi${printer} } }
    places:
      /home/pi/data/database: ${place}
`;

async function check(node: string, more: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const files = { 'nodes/print07.conf': `node: print07\n${node}`, ...more };
  const host = configHost(files);
  const dir = await readConfigDir(host, '/config.d');
  const templates = await readTemplates(host, '/config.d');
  return checkConfigDir(dir, templates).faults.map(formatFault);
}
const wired = (entry: string) => `  network: { interfaces: { eth0: ${entry}, eth1: {} } }\n`;

describe('a machine with a volume of DRBD', () => {
  const nowhere =
    'nodes/print07.conf:7:7 a volume of DRBD needs a machine that is always at the same address: give it addresses in network.conf, or say address here, as DHCP reserves it';

  it.each([
    ['says nothing', ''],
    ['asks DHCP', wired('{ dhcp4: true }')],
    ['has a bridge without an address', wired('{ kind: bridge, members: [eth1] }')],
    ['has nothing but CAN', wired('{ kind: can, bitrate: 500000 }')],
  ])('is at no known address where network.conf %s', async (_, network) => {
    expect(await check(stateOf(PLACE) + network)).toEqual([nowhere]);
  });

  it.each([
    ['network.conf', stateOf(PLACE) + wired('{ addresses: [192.168.7.107/24] }')],
    [
      'network.conf, by IPv6 on a bridge',
      stateOf(PLACE) + wired('{ kind: bridge, members: [eth1], addresses: [fd00::7/64] }'),
    ],
    ['its place, since DHCP reserves it', stateOf('{ kind: drbd, printer: voron, size: 64M, address: 192.168.7.107 }')],
  ])('is at the address that is said in %s', async (_, node) => {
    expect(await check(node)).toEqual([]);
  });

  it.each(['127.0.0.1/8', '169.254.7.7/16', 'fe80::7/64', '224.0.0.7/4'])(
    'is nowhere for its server where it has no address but %s',
    async (address) => {
      expect(await check(stateOf(PLACE) + wired(`{ addresses: ["${address}"] }`))).toEqual([nowhere]);
    },
  );

  it.each(['127.0.0.1', '0.0.0.0', '255.255.255.255', '::1', 'fe80::7', 'ff02::1', '::ffff:127.0.0.1'])(
    'is not told an address that is no other machine’s: %s',
    async (address) => {
      const place = `{ kind: drbd, printer: voron, size: 64M, address: "${address}" }`;
      expect(await check(stateOf(place))).toEqual([
        expect.stringMatching(/^nodes\/print07.conf:7:\d+ .*expected an address of one machine/),
      ]);
    },
  );

  it('is at an address that no other machine with a volume has, wherever that is said', async () => {
    const other = (place: string, network = '') => ({
      'nodes/print08.conf': `node: print08\n${stateOf(place).replaceAll('voron', 'ender')}${network}`,
    });
    const own = stateOf(PLACE) + wired('{ addresses: [192.168.7.107/24] }');
    const said = '{ kind: drbd, printer: voron, size: 64M, address: 192.168.7.107 }';
    const why = (name: string, at: string) =>
      `192.168.7.107 is where the volume of ${name} is, too (${at}): each machine needs an address of its own`;
    expect(await check(own, other(said))).toEqual([
      `nodes/print07.conf:7:7 ${why('print08', 'nodes/print08.conf:7:72')}`,
      `nodes/print08.conf:7:72 ${why('print07', 'nodes/print07.conf:7:7')}`,
    ]);
    expect((await check(own, other(PLACE, wired('{ addresses: [10.0.0.1/8, 192.168.7.107/16] }')))).length).toBe(2);
    expect(await check(own, other(said.replace('107', '108')))).toEqual([]);
  });

  it('is told of a fault where the place is said, also in a file of a group', async () => {
    const group = `group: lab\nnodes: print07\n${stateOf(PLACE)}`;
    expect(await check('', { 'nodes/lab.conf': group })).toEqual([
      nowhere.replace('nodes/print07.conf:7:7', 'nodes/lab.conf:8:7'),
    ]);
  });

  it('boots all the same: a volume that is not there is RAM', async () => {
    const text = stateOf(PLACE)
      .replace(/^set:\n/, '')
      .replace(/^ {2}/gm, '');
    const [overlays, state] = text.split('state:\n') as [string, string];
    const files = {
      'system/overlays.conf': overlays.replace('overlays: { ', '').replace(/ }\n$/, '\n'),
      'system/state.conf': state.replace(/^ {2}/gm, ''),
    };
    await expect(loadFiles(files)).resolves.toBeDefined();
  });

  it('has no volume that is larger than what the server keeps of the printer', async () => {
    const node = stateOf('{ kind: drbd, printer: voron, size: 64M, address: 10.0.0.7 }', ', quota: 32M');
    expect(await check(node)).toEqual([
      'nodes/print07.conf:7:61 the volume is larger than what a server keeps of voron: a boot that has to do without it is kept whole (nodes/print07.conf:5:57)',
    ]);
  });

  it.each(['192.168.7.107/24', 'print07.lab', '10.0.0.300'])('says no address such as %s', async (address) => {
    const node = stateOf(`{ kind: drbd, printer: voron, size: 64M, address: ${address} }`);
    expect((await check(node)).join('\n')).toContain('expected an address of one machine, such as 10.0.0.7 or fd00::7');
  });

  it('has no other place in its volume, and no volume around its data', async () => {
    const around =
      stateOf(PLACE).replace('/home/pi/data/database:', '/home/pi/data:') + wired('{ addresses: [10.0.0.7/8] }');
    expect((await check(around)).join('\n')).toMatch(/lies in \/home\/pi\/data, which is kept whole for voron as drbd/);
  });
});
