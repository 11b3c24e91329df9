import { StatectlError } from '../../../error.ts';
import { shellQuote } from '../../../host/shell-line.ts';
import type { FarHost } from './far-host.ts';

/** A file of text on the host. */
export interface FarText {
  readonly path: string;
  readonly text: string;
}

/** What a host that runs today says of itself. All of it is a stranger's word. */
export interface HostFacts {
  readonly hostname: string;
  /** What tells it from all others: the serial number of its board, its cards, machine-id(5), which copies of a card share. Empty: nothing does. */
  readonly identity: string;
  /** `Debian GNU/Linux 12 (bookworm)` */
  readonly system: string;
  readonly arch: string;
  readonly timezone: string;
  readonly user: string;
  readonly group: string;
  readonly home: string;
  /** Of its wired cards. */
  readonly macs: readonly string[];
  /** Programs that are there: python3, sqlite3; find and tar of GNU. */
  readonly programs: ReadonlySet<string>;
  /** Units that somebody put below /etc/systemd/system, drop-ins too. */
  readonly units: readonly FarText[];
  /** EnvironmentFiles of printers. */
  readonly environments: readonly FarText[];
  /** Folders that may be the data of a printer, as they are called. */
  readonly folders: readonly string[];
  /** Of those that are links or lie below one: where they really are. */
  readonly realPaths: ReadonlyMap<string, string>;
  /** Folders and links in klippy/extras and moonraker/components that are links, and where they lead to. */
  readonly links: readonly { readonly path: string; readonly target: string }[];
  readonly crontab: string;
  /** What else was found, and is not taken: names. */
  readonly others: readonly { readonly kind: string; readonly name: string }[];
}

/** Nobody's units and environments have more. */
const MOST_BYTES = 4 << 20;
/** A path, at most. */
const LONGEST_FACT = 4_096;

/**
 * Reads and prints, and nothing else: sh and what every Debian has. Records are KEY, NAME and VALUE, each ended by NUL, which no
 * value has.
 */
const scriptFor = (named: readonly string[]): string => `
say() { printf '%s\\000%s\\000%s\\000' "$1" "$2" "$3"; }
body() { printf '%s\\000%s\\000' "$1" "$2"; head -c 65536 "$2" 2>/dev/null | tr -d '\\000'; printf '\\000'; }
say fact hostname "$(uname -n)"
say fact arch "$(uname -m)"
say fact machine-id "$(cat /etc/machine-id 2>/dev/null)"
say fact serial "$(tr -d '\\000' </sys/firmware/devicetree/base/serial-number 2>/dev/null)"
say fact system "$(. /etc/os-release 2>/dev/null; printf %s "$PRETTY_NAME")"
say fact timezone "$(cat /etc/timezone 2>/dev/null || readlink /etc/localtime)"
say fact user "$(id -un)"
say fact group "$(id -gn)"
home=$(cd && pwd -P); say fact home "$home"
for card in /sys/class/net/*; do
  [ -e "$card/device" ] && [ ! -e "$card/wireless" ] && [ ! -e "$card/phy80211" ] && say mac "\${card##*/}" "$(cat "$card/address" 2>/dev/null)"
done
for program in python3 sqlite3; do command -v "$program" >/dev/null && say program "$program" ''; done
for program in find tar; do case $("$program" --version 2>/dev/null | head -c 99) in *GNU*) say program "$program" '' ;; esac; done
for unit in /etc/systemd/system/*.service /etc/systemd/system/*.service.d/*.conf; do
  case \${unit##*/} in klipper* | moonraker*) ;; *) [ -L "$unit" ] && continue ;; esac
  [ -f "$unit" ] && body unit "$unit"
done
for unit in /lib/systemd/system/klipper*.service /lib/systemd/system/moonraker*.service; do [ -f "$unit" ] && body unit "$unit"; done
for file in "$home"/*/systemd/*.env /etc/default/klipper* /etc/default/moonraker*; do [ -f "$file" ] && body environment "$file"; done
sed -n 's/^[[:space:]]*EnvironmentFile=-\\{0,1\\}//p' /etc/systemd/system/klipper*.service /etc/systemd/system/moonraker*.service 2>/dev/null |
  while IFS= read -r file; do case $file in "$home"/*/systemd/*.env) ;; *) [ -f "$file" ] && body environment "$file" ;; esac; done
for folder in "$home"/*${named.map((folder) => ` ${farPath(folder)}`).join('')}; do
  [ -d "$folder/config" ] && [ -d "$folder/gcodes" ] && say folder "$folder" "$(cd "$folder" && pwd -P)"
done
for folder in klipper_config gcode_files .moonraker_database; do [ -d "$home/$folder" ] && say folder "$home/$folder" ''; done
for link in "$home"/klipper*/klippy/extras/* "$home"/klipper*/klippy/kinematics/* "$home"/moonraker*/moonraker/components/*; do
  [ -L "$link" ] && say link "$link" "$(readlink "$link")"
done
say fact crontab "$(crontab -l 2>/dev/null | head -c 65536 | tr -d '\\000')"
for file in /etc/cron.d/* /var/spool/cron/crontabs/*; do [ -f "$file" ] && say other cron "$file"; done
for file in /etc/NetworkManager/system-connections/* /etc/wpa_supplicant/*.conf /etc/systemd/network/*.network /etc/network/interfaces.d/*; do
  [ -f "$file" ] && say other network "$file"
done
for folder in "$home"/config_backup "$home"/klipper-backup "$home"/klipper_backup; do [ -e "$folder/.git" ] && say other backup "$folder"; done
grep -Eq '^[[:space:]]*static ' /etc/dhcpcd.conf 2>/dev/null && say other network /etc/dhcpcd.conf
while IFS=: read -r name _ uid _; do
  [ "$uid" -ge 1000 ] 2>/dev/null && [ "$uid" -lt 60000 ] && say other account "$name"
done </etc/passwd
for file in /etc/udev/rules.d/*.rules /etc/modules-load.d/*.conf /etc/fstab; do [ -f "$file" ] && [ ! -L "$file" ] && say other system "$file"; done
for file in /boot/config.txt /boot/firmware/config.txt; do [ -f "$file" ] && say other system "$file"; done
say end '' ''
`;

/** A folder that the person names, for sh. */
function farPath(folder: string): string {
  const path = folder.replace(/^~\//, '').replace(/(?<=.)\/+$/, '');
  return path.startsWith('/') ? shellQuote(path) : `"$home"/${shellQuote(path)}`;
}

/**
 * Asks the host; `named` are folders that may be those of printers, wherever they are. Throws `adopt-unfit` where it speaks otherwise or
 * lacks what it is read with, and what `FarHost.read` throws.
 */
export async function readHost(far: FarHost, named: readonly string[] = []): Promise<HostFacts> {
  const facts = factsFrom(await far.read(scriptFor(named), MOST_BYTES), far.destination);
  // Those of busybox know other words: what they leave out would look as if it was not there.
  const missing = ['find', 'tar'].filter((program) => !facts.programs.has(program));
  if (missing.length === 0) return facts;
  throw new StatectlError('adopt-unfit', `${far.destination} has no GNU ${missing.join(' and no GNU ')}`, {
    hint: 'install findutils and tar there; or copy its printer_data, with owners and times, to a host that has them, and adopt that',
  });
}

/** Pure. Throws `adopt-unfit`. */
export function factsFrom(said: Buffer, destination: string): HostFacts {
  const parts = said.toString('utf8').split('\0');
  const records: { readonly key: string; readonly name: string; readonly value: string }[] = [];
  for (let at = 0; at + 3 <= parts.length; at += 3) {
    const [key = '', name = '', value = ''] = parts.slice(at, at + 3);
    records.push({ key, name, value });
  }
  const of = (key: string) => records.filter((one) => one.key === key);
  const fact = (name: string, longest = LONGEST_FACT): string =>
    of('fact')
      .find((one) => one.name === name)
      ?.value.slice(0, longest)
      .trim() ?? '';
  const texts = (key: string): readonly FarText[] => of(key).map(({ name, value }) => ({ path: name, text: value }));
  const home = fact('home');
  const macs = of('mac').map(({ value }) => value.trim());
  if (records.at(-1)?.key !== 'end' || !home.startsWith('/'))
    throw new StatectlError('adopt-unfit', `${destination} is no host that can be read: it has no sh as Linux has it`, {
      hint: 'name the account of Klipper at its host, such as pi@voron',
    });
  return {
    home,
    hostname: fact('hostname'),
    identity: fact('serial') || macs.join(' ') || fact('machine-id'),
    system: fact('system') || 'a Linux',
    arch: fact('arch'),
    timezone: fact('timezone').replace(/^.*\/zoneinfo\//, ''),
    user: fact('user'),
    group: fact('group'),
    macs,
    programs: new Set(of('program').map(({ name }) => name)),
    units: texts('unit'),
    environments: texts('environment'),
    folders: [...new Set(of('folder').map(({ name }) => name))],
    realPaths: new Map(of('folder').flatMap(({ name, value }) => (value.startsWith('/') ? [[name, value]] : []))),
    links: of('link').map(({ name, value }) => ({ path: name, target: value })),
    crontab: fact('crontab', MOST_BYTES),
    others: of('other').map(({ name, value }) => ({ kind: name, name: value })),
  };
}
