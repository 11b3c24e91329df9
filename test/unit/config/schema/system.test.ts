import { describe, expect, it } from 'vitest';
import { faultsOf, read } from './part.ts';

describe('etc.conf', () => {
  it('that is empty changes nothing, and the machine keeps its id', async () => {
    expect(await read('etc', '')).toEqual({
      edits: 'report',
      hosts: {},
      machineId: 'stable',
      files: {},
      templates: [],
    });
  });

  it('has names, locale, files and templates', async () => {
    const text = `
hostname: print01
hosts: { 192.168.7.2: [files.lab.example, files], fd00::2: [files] }
locale: de_DE.UTF-8
timezone: America/Argentina/Buenos_Aires
machineId: 0123456789abcdef0123456789abcdef
files:
  /etc/issue: { text: "Lab\\n" }
  /etc/lab/key: { text: "", mode: "0600", owner: "lab:adm" }
templates: [motd, klipper/*]
`;
    expect(await read('etc', text)).toEqual({
      hostname: 'print01',
      edits: 'report',
      hosts: { '192.168.7.2': ['files.lab.example', 'files'], 'fd00::2': ['files'] },
      locale: 'de_DE.UTF-8',
      timezone: 'America/Argentina/Buenos_Aires',
      machineId: '0123456789abcdef0123456789abcdef',
      files: {
        '/etc/issue': { content: 'Lab\n', mode: 0o644, owner: 'root', group: 'root' },
        '/etc/lab/key': { content: '', mode: 0o600, owner: 'lab', group: 'adm' },
      },
      templates: ['motd', 'klipper/*'],
    });
  });

  it.each([
    ['hosts: {files: [a]}', '1:9 "hosts.files": expected an IP address'],
    ['hostname: print_01', '1:1 "hostname": expected a host name such as print01 or print01.lab.example'],
    ['timezone: Europe/../../etc/shadow', '1:1 "timezone": expected a time zone such as Europe/Berlin'],
    ['locale: german', '1:1 "locale": expected a locale such as de_DE.UTF-8'],
    ['machineId: 0123', '1:1 "machineId": expected stable, random or 32 hex digits'],
    ['templates: [../secrets]', '1:13 "templates.0": expected a name or pattern below templates/'],
    [
      'files: {/etc/../a: {text: a}}',
      '1:9 "files./etc/../a": expected an absolute path such as /var, without "..", "." or a slash at the end',
    ],
    ['files: {/a: {text: a, mode: 644}}', '1:23 "files./a.mode": expected octal permissions in quotes, such as "1777"'],
    [
      'files: {/a: {text: a, owner: "a b"}}',
      '1:23 "files./a.owner": expected user:group, such as root:root or 1000:1000',
    ],
    ['files: {/a: {text: a}, /a/b: {text: a}}', '1:24 /a is a file: nothing can lie below it'],
    [
      'hostname: a\nfiles: {/etc/hostname: {text: b}}',
      '2:9 /etc/hostname is made by etc.hostname: only one of them can',
    ],
    ['files: {/etc/machine-id: {text: b}}', '1:9 /etc/machine-id is made by etc.machineId: only one of them can'],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('etc', text)).toBe(fault);
  });
});

describe('default-runlevel', () => {
  it('that is empty starts what the image starts', async () => {
    expect(await read('services', '')).toEqual({ services: {} });
  });

  it('has one word for each service', async () => {
    const text =
      'target: multi-user.target\nservices: {ssh: enabled, getty@tty1.service: disabled, apt-daily.timer: masked}';
    expect(await read('services', text)).toEqual({
      target: 'multi-user.target',
      services: { ssh: 'enabled', 'getty@tty1.service': 'disabled', 'apt-daily.timer': 'masked' },
    });
  });

  it.each([
    ['services: {ssh: on}', '1:12 "services.ssh": expected one of enabled, disabled, masked, found "on"'],
    ['services: {a/b: masked}', '1:12 "services.a/b": expected a unit or service such as ssh or fstrim.timer'],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('services', text)).toBe(fault);
  });
});

describe('logging.conf', () => {
  it('that is empty sends nothing anywhere', async () => {
    expect(await read('logging', '')).toEqual({ syslog: {}, metrics: {} });
  });

  it('sends to targets by name, by TLS unless it says otherwise', async () => {
    const text = 'syslog: {a: {to: "log:6514"}, b: {to: "[fd00::1]:514", protocol: udp}}\nnetconsole: 192.168.7.3:6666';
    expect(await read('logging', text)).toMatchObject({
      syslog: { a: { to: 'log:6514', protocol: 'tls' }, b: { to: '[fd00::1]:514', protocol: 'udp' } },
      netconsole: '192.168.7.3:6666',
    });
  });

  it.each([
    ['syslog: {a: {to: log}}', '1:14 "syslog.a.to": expected HOST:PORT, such as log.lab:514'],
    ['syslog: {a: {to: "log:99999"}}', '1:14 "syslog.a.to": expected HOST:PORT, such as log.lab:514'],
    [
      'metrics: {textfile: facts.prom}',
      '1:11 "metrics.textfile": expected an absolute path such as /var, without "..", "." or a slash at the end',
    ],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('logging', text)).toBe(fault);
  });
});

describe('persist.conf', () => {
  it('that is empty moves nothing', async () => {
    expect(await read('persist', '')).toEqual({
      changes: 'listed',
      files: {},
      packages: [],
      exclude: [],
      conflict: 'merge',
      generations: 3,
    });
  });

  it('has a policy for each file or pattern', async () => {
    const text =
      'changes: all\nfiles: {/etc/klipper/**: merge, /etc/fstab: fail}\npackages: [nginx-common, app-misc/mc]\nexclude: [/etc/ssh/*]';
    expect(await read('persist', text)).toMatchObject({
      files: { '/etc/klipper/**': 'merge', '/etc/fstab': 'fail' },
      packages: ['nginx-common', 'app-misc/mc'],
      exclude: ['/etc/ssh/*'],
    });
  });

  it.each([
    [
      'exclude: [etc/*]',
      '1:11 "exclude.0": expected an absolute path or pattern, such as /etc/klipper/**, without ".."',
    ],
    [
      'files: {/etc/../x: merge}',
      '1:9 "files./etc/../x": expected an absolute path or pattern, such as /etc/klipper/**, without ".."',
    ],
    ['files: {/a: ours}', '1:9 "files./a": expected one of merge, local, new, fail, found "ours"'],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('persist', text)).toBe(fault);
  });
});

describe('sources.conf', () => {
  it('that is empty knows only what is usual', async () => {
    expect(await read('sources', '')).toEqual({ mirrors: {}, files: {}, images: {} });
  });

  it.each([
    [
      'mirrors: {bookworm: [http://a]}',
      '1:11 "mirrors.bookworm": expected DISTRIBUTION:RELEASE, such as debian:bookworm',
    ],
    ['files: {a: {url: http://a}}', '1:9 "files.a.sha256": expected a text, found nothing'],
    ['images: {a/b: http://a}', '1:10 "images.a/b": expected the name of an image'],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('sources', text)).toBe(fault);
  });

  it('refuses a file that would lie elsewhere', async () => {
    expect(await faultsOf('sources', 'files: {../a: {url: http://a, sha256: a}}')).toContain(
      '1:9 "files.../a": expected a name such as klipper/klippy.tar.gz, without a slash before it or ".."',
    );
  });
});
