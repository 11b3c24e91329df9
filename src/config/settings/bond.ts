/** bonding's modes, in the order of their numbers (Documentation/networking/bonding.rst). */
export const BOND_MODES = [
  'balance-rr',
  'active-backup',
  'balance-xor',
  'broadcast',
  '802.3ad',
  'balance-tlb',
  'balance-alb',
] as const;
export type BondMode = (typeof BOND_MODES)[number];

/**
 * Options of a bond by the names that they have in sysfs and in bonding.rst, with networkd's key (systemd.netdev(5)) and
 * the unit that its value needs.
 */
export const BOND_OPTIONS = {
  updelay: ['UpDelaySec', 'ms'],
  downdelay: ['DownDelaySec', 'ms'],
  peer_notif_delay: [],
  arp_interval: ['ARPIntervalSec', 'ms'],
  arp_ip_target: ['ARPIPTargets'],
  arp_validate: ['ARPValidate'],
  arp_all_targets: ['ARPAllTargets'],
  primary_reselect: ['PrimaryReselectPolicy'],
  fail_over_mac: ['FailOverMACPolicy'],
  xmit_hash_policy: ['TransmitHashPolicy'],
  lacp_rate: ['LACPTransmitRate'],
  ad_select: ['AdSelect'],
  all_slaves_active: ['AllSlavesActive'],
  resend_igmp: ['ResendIGMP'],
  num_grat_arp: ['GratuitousARP'],
  min_links: ['MinLinks'],
  lp_interval: ['LearnPacketIntervalSec', 's'],
  packets_per_slave: ['PacketsPerSlave'],
  tlb_dynamic_lb: ['DynamicTransmitLoadBalancing'],
} as const satisfies Readonly<Record<string, readonly [] | readonly [key: string, unit?: string]>>;
export type BondOption = keyof typeof BOND_OPTIONS;
