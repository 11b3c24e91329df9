import { z } from 'zod';
import { entryOf } from '../../entry-of.ts';
import { canFaults } from '../check/can-faults.ts';
import { linkFaults } from '../check/link-faults.ts';
import { familyOf, parseCidr } from '../settings/addresses.ts';
import { BOND_MODES, BOND_OPTIONS, type BondOption } from '../settings/bond.ts';
import { Duration, HostName, MacAddress } from '../settings/scalars.ts';

// IFNAMSIZ; a name with other characters would need quotes in half of the files that it comes into.
const InterfaceName = z
  .string()
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/,
    'expected an interface name of at most 15 letters, digits, ".", "_", "-"',
  );
const Address = z
  .string()
  .refine((text) => familyOf(text) !== undefined, 'expected an address such as 10.0.0.1 or fd00::1');
const AddressWithPrefix = z
  .string()
  .refine(
    (text) => parseCidr(text) !== undefined,
    'expected an address with its prefix, such as 10.0.0.7/24 or fd00::7/64',
  );
const NumberOrText = z.union([z.string().min(1), z.number().int(), z.boolean()]).transform(String);

const COMMON = {
  dhcp4: z.boolean().optional().meta({
    description: 'ask for an IPv4 address; absent: on the interface that is booted from when it says no other way',
  }),
  dhcp6: z
    .union([z.boolean(), z.literal('fallback')], { error: 'expected true, false or fallback' })
    .default(false)
    .meta({ description: 'ask for an IPv6 address; fallback: where no router announces a prefix' }),
  acceptRa: z.boolean().optional().meta({
    description: 'IPv6 by router advertisements; true: the boot waits for one; absent: taken when it comes',
  }),
  addresses: z.array(AddressWithPrefix).default([]).meta({ description: 'IPv4 and IPv6, each with its prefix' }),
  gateway: z
    .union([Address.transform((address) => [address]), z.array(Address)], {
      error: 'expected an address such as 10.0.0.1 or fd00::1, or a list of one each',
    })
    .default([])
    .meta({ description: 'default route; for IPv4 and IPv6 a list of two' }),
  routes: z
    .record(
      AddressWithPrefix.meta({ title: 'NETWORK' }),
      z.union([Address, z.literal('direct')], { error: 'expected an address or direct' }),
    )
    .default({})
    .meta({ description: 'by network, such as 10.9.0.0/16: the router, or direct' }),
  dns: z.array(Address).default([]).meta({ description: 'name servers, before those of DHCP' }),
  search: z.array(HostName).default([]).meta({ description: 'domains for names without dots' }),
  ntp: z
    .array(z.union([Address, HostName]))
    .default([])
    .meta({ description: 'time servers' }),
  mtu: z.int().min(68).max(65_535).optional().meta({ description: 'largest packet, in bytes' }),
  mac: MacAddress.optional().meta({ description: 'a MAC address that it gets' }),
  initramfs: z.boolean().default(false).meta({
    description: 'set up in the initramfs too; the one that is booted from and those under it always are',
  }),
  handover: z
    .enum(['keep', 'down'])
    .default('keep')
    .meta({ description: 'when the system starts: keep it as it is, or take it down and leave it to the system' }),
};

/** `1000000`, `1M`, `250k`: bits a second, in powers of 1000. Gives the number. */
const bitrate = (most: number) =>
  z
    .union([z.string(), z.number()], { error: 'expected a bitrate such as 1000000, 1M or 250k' })
    .transform((value, context): number => {
      const [, digits, unit] = /^(\d+(?:\.\d+)?)([kM])?$/.exec(String(value)) ?? [];
      const bits = Math.round(Number(digits) * (unit === 'M' ? 1e6 : unit === 'k' ? 1e3 : 1));
      // CiA 301 goes down to 10 kbit/s, single-wire CAN somewhat further.
      if (bits >= 5_000 && bits <= most) return bits;
      const message = `expected a bitrate of 5k to ${most / 1e6}M, such as 1000000 or 250k, found "${value}"`;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    });

/** Of udev, with * and ?: it stands in rules of udev and files of networkd as it is. */
const UdevText = z
  .string()
  .regex(/^[A-Za-z0-9_.:@+,*?-]{1,200}$/, 'expected letters, digits and "_.:@+,-" as udev has them, with * and ?');

const MEMBERS = z.array(InterfaceName).min(1).meta({ description: 'the interfaces in it' });

const Interface = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('physical').default('physical'),
      match: z
        .strictObject({ mac: MacAddress.meta({ description: 'its MAC address' }) })
        .optional()
        .meta({ description: 'which card it is; absent: the one that the kernel calls so' }),
      ...COMMON,
    }),
    z.strictObject({
      kind: z.literal('vlan'),
      id: z.int().min(1).max(4094).meta({ description: 'VLAN number, 1 to 4094' }),
      link: InterfaceName.meta({ description: 'the interface that it lies over' }),
      ...COMMON,
    }),
    z
      .strictObject({
        kind: z.literal('bond'),
        members: MEMBERS,
        mode: z.enum(BOND_MODES).default('balance-rr').meta({ description: 'how its members share the work' }),
        miimon: Duration.prefault('100ms').meta({ description: 'how often the links are looked at; 0: not' }),
        primary: InterfaceName.optional().meta({ description: 'of active-backup: the member that works while it can' }),
        options: z
          .partialRecord(z.enum(Object.keys(BOND_OPTIONS) as BondOption[]).meta({ title: 'OPTION' }), NumberOrText)
          .default({})
          .meta({ description: 'others of the bonding driver, such as lacp_rate: fast' }),
        ...COMMON,
      })
      .transform(({ miimon, ...rest }) => ({ ...rest, miimonMs: miimon })),
    z
      .strictObject({
        kind: z.literal('bridge'),
        members: MEMBERS,
        stp: z
          .boolean()
          .default(false)
          .meta({ description: 'spanning tree; its ports forward after twice forwardDelay' }),
        forwardDelay: Duration.prefault('15s').meta({ description: 'with stp: how long a port listens, then learns' }),
        ...COMMON,
      })
      .transform(({ forwardDelay, ...rest }) => ({ ...rest, forwardDelayMs: forwardDelay })),
    z
      .strictObject({
        kind: z.literal('can'),
        match: z
          .strictObject({
            path: UdevText.optional().meta({ description: 'where it is plugged in: ID_PATH of udev, with * and ?' }),
            serial: UdevText.optional().meta({
              description: 'the serial number of its USB: ID_SERIAL_SHORT of udev, with * and ?',
            }),
          })
          .refine((match) => Object.keys(match).length > 0, 'expected path, serial or both')
          .optional()
          .meta({
            description:
              'which adapter it is, where there are several; it gets this name; absent: the one that the kernel calls so',
          }),
        bitrate: bitrate(1e6).meta({ description: 'bits a second of every board on the bus, such as 1000000 or 250k' }),
        dataBitrate: bitrate(8e6).optional().meta({ description: 'CAN FD: bits a second of the data; absent: no FD' }),
        txqueuelen: z.int().min(1).max(65_535).default(128).meta({
          description: 'how many frames may wait to be sent; the kernel has 10, and Klipper asks for 128',
        }),
        restart: Duration.prefault('100ms').meta({
          description: 'how long after bus-off the controller begins anew; 0: it stays off until somebody sets it up',
        }),
        listenOnly: z.boolean().default(false).meta({ description: 'listen, and acknowledge and send nothing' }),
      })
      .refine(({ bitrate, dataBitrate = bitrate }) => dataBitrate >= bitrate, {
        path: ['dataBitrate'],
        message: 'the data of CAN FD is no slower than the rest: expected the bitrate or more',
      })
      .transform(({ restart, ...rest }) => ({ ...rest, restartMs: restart })),
  ],
  { error: ({ code }) => (code === 'invalid_union' ? 'expected physical, vlan, bond, bridge or can' : undefined) },
);

/** system/network.conf */
export const NetworkFile = z
  .strictObject({
    wait: Duration.prefault('10s').meta({
      description: 'how long a machine with a bootable local copy waits for the network and a server',
    }),
    dhcp: Duration.prefault('30s').meta({ description: 'how long one DHCP attempt may take' }),
    tries: z.int().min(1).default(3).meta({
      description: 'DHCP attempts of a machine without a bootable local copy; one that has it makes one',
    }),
    boot: InterfaceName.optional().meta({
      description: 'the interface that is booted from; absent: the first with a link, or the bond or bridge it is in',
    }),
    interfaces: z
      .record(InterfaceName.meta({ title: 'INTERFACE' }), Interface)
      .superRefine((interfaces, context) => {
        for (const { path, message } of [...linkFaults(interfaces), ...canFaults(interfaces)])
          context.addIssue({ code: 'custom', path: [...path], message });
      })
      .default({})
      .meta({ description: 'network interfaces, by name' }),
  })
  .refine(({ boot, interfaces }) => boot === undefined || entryOf(interfaces, boot)?.kind !== 'can', {
    path: ['boot'],
    message: 'it is a CAN interface, and nothing is booted from one: name a card, VLAN, bond or bridge',
  })
  .transform(({ wait, dhcp, ...rest }) => ({ ...rest, waitMs: wait, dhcpMs: dhcp }))
  .meta({ description: 'the network of the initramfs, and what of it the system gets' });
