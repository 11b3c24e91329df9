import { addressesOf, gatewayOf, type WantedInterface } from './wanted-network.ts';

/** interfaces(5) for one interface, with what vlan, ifenslave and bridge-utils read. */
export function ifupdownStanzas(wanted: WantedInterface): string {
  const { device, settings, master } = wanted;
  const [four, ...more] = stanzas(wanted);
  const how = master ? ['manual', ...(master.kind === 'bond' ? [`\tbond-master ${master.device}`] : [])] : undefined;
  const [method = 'manual', ...lines] = how ?? four ?? [];
  const rest = settings.mtu ? [...lines, `\tmtu ${settings.mtu}`] : lines;
  const first = [`iface ${device} inet ${method}`, ...kindLines(settings), ...rest, ...routeLines(wanted, 4)];
  const others = master ? [] : more.map(([word, ...others]) => [`iface ${device} inet6 ${word}`, ...others]);
  return `# Made by statectl at boot.\nauto ${device}\n${[first, ...others].map((block) => `${block.join('\n')}\n`).join('')}`;
}

/** The IPv4 way, then those of IPv6: the method, then its lines. */
function stanzas(wanted: WantedInterface): readonly (readonly string[])[] {
  const { dhcp4, dhcp6, acceptRa } = wanted.settings;
  const fixed = (family: 4 | 6) =>
    addressesOf(wanted, family).map(({ address, prefixLength }, index) => {
      const gateway = index === 0 ? gatewayOf(wanted, family) : undefined;
      return ['static', `\taddress ${address}/${prefixLength}`, ...(gateway ? [`\tgateway ${gateway}`] : [])];
    });
  const [first, ...others] = fixed(4);
  const more = others.map(([, address = '']) =>
    address.replace('\taddress', '\tup ip address add').concat(' dev $IFACE'),
  );
  const dynamic = dhcp6 ? [['dhcp']] : acceptRa ? [['auto']] : [];
  const six = [...fixed(6), ...dynamic].map((block, index) =>
    index === 0 ? [...block, ...routeLines(wanted, 6)] : block,
  );
  return [dhcp4 ? ['dhcp'] : first ? [...first, ...more] : ['manual'], ...six];
}

function kindLines(settings: WantedInterface['settings']): readonly string[] {
  switch (settings.kind) {
    case 'physical':
      return [];
    case 'vlan':
      return [`\tvlan-raw-device ${settings.link}`, `\tvlan-id ${settings.id}`];
    case 'bond':
      return [
        `\tbond-slaves ${settings.members.join(' ')}`,
        `\tbond-mode ${settings.mode}`,
        `\tbond-miimon ${settings.miimonMs}`,
        ...(settings.primary ? [`\tbond-primary ${settings.primary}`] : []),
        ...Object.entries(settings.options).map(([name, value]) => `\tbond-${name.replaceAll('_', '-')} ${value}`),
      ];
    case 'bridge':
      return [
        `\tbridge_ports ${settings.members.join(' ')}`,
        `\tbridge_stp ${settings.stp ? 'on' : 'off'}`,
        `\tbridge_fd ${settings.stp ? settings.forwardDelayMs / 1000 : 0}`,
      ];
  }
}

const routeLines = ({ settings }: WantedInterface, family: 4 | 6): readonly string[] =>
  Object.entries(settings.routes)
    .filter(([to]) => to.includes(':') === (family === 6))
    .map(([to, via]) => `\tup ip route replace ${to}${via === 'direct' ? '' : ` via ${via}`} dev $IFACE`);
