import { describe, expect, it } from 'vitest';
import { faultsOf, read } from './part.ts';

describe('boot.conf', () => {
  it('that is empty boots what the server says, and keeps a copy', async () => {
    expect(await read('boot', '')).toEqual({
      arguments: [],
      modules: { load: [], never: [] },
      keepCopy: true,
      watchdog: 'off',
    });
  });

  it('names an image or a channel, kernel arguments and modules', async () => {
    const text =
      'image: klipper@20261120.101500\nchannel: stable\narguments: ["console=ttyS0,115200", quiet]\nmodules: {never: [pcspkr]}\n';
    expect(await read('boot', text)).toMatchObject({
      image: 'klipper@20261120.101500',
      channel: 'stable',
      arguments: ['console=ttyS0,115200', 'quiet'],
      modules: { load: [], never: ['pcspkr'] },
    });
  });

  it.each([
    'http://192.168.7.1/k',
    'https://[2001:db8::1]:8443/images/vmlinuz?for=lab#1',
    'tftp://10.0.0.1/memtest.bin',
  ])('names another kernel, %s', async (url) => {
    expect(await read('boot', `kernel: "${url}"\ninitrd: ["${url}"]\n`)).toMatchObject({ kernel: url, initrd: [url] });
  });

  it.each([
    ['image: lab/', '1:1 "image": expected NAME or NAME@VERSION'],
    ['channel: ../stable', '1:1 "channel": expected a name such as stable'],
    ['arguments: ["a b"]', '1:13 "arguments.0": expected one kernel argument without blanks, none of ||, && or #'],
    ['kernel: /srv/vmlinuz', '1:1 "kernel": expected a URL: http://, https:// or tftp://, and a path'],
    ['kernel: ftp://c.lab/k', '1:1 "kernel": expected a URL: http://, https:// or tftp://, and a path'],
    ['kernel: http://c.lab/a b', '1:1 "kernel": expected a URL: http://, https:// or tftp://, and a path'],
    ['kernel: http://c.lab', '1:1 "kernel": expected a URL: http://, https:// or tftp://, and a path'],
    ['kernel: http://c.lab/$mac', '1:1 "kernel": expected a URL: http://, https:// or tftp://, and a path'],
    ['initrd: [http://c.lab/i, i]', '1:26 "initrd.1": expected a URL: http://, https:// or tftp://, and a path'],
    ['modules: {load: [e1000.ko]}', '1:18 "modules.load.0": expected the name of a kernel module'],
    ['modules: {load: [a], never: [a]}', '1:11 a is both under load and under never'],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('boot', text)).toBe(fault);
  });
});

describe('server.info.conf', () => {
  it('that is empty has no server and the times of the design', async () => {
    expect(await read('server', '')).toEqual({
      servers: [],
      agent: 'auto',
      choose: 'ordered',
      weights: {},
      probe: { timeoutMs: 2_000, intervalMs: 60_000, margin: 30 },
      authentication: 'none',
      authorities: [],
      connectMs: 2_000,
      stallMs: 10_000,
      tries: 8,
    });
  });

  it('has servers in order, or weighted', async () => {
    const text = 'servers: [http://a:8080, "https://[fd00::1]"]\nchoose: weighted\nweights: {http://a:8080: 3}\n';
    expect(await read('server', text)).toMatchObject({
      servers: ['http://a:8080', 'https://[fd00::1]'],
      choose: 'weighted',
      weights: { 'http://a:8080': 3 },
    });
  });

  it('lets weights stand of servers that a higher layer took out', async () => {
    expect(await faultsOf('server', 'servers: [http://b]\nweights: {http://a: 3}')).toBe('no fault');
  });

  it('names a certificate and its key only as secrets', async () => {
    const text = 'authentication: mtls\ncredentials: {certificate: "secret:tls", key: "secret:tls-key"}\n';
    expect(await read('server', text)).toMatchObject({
      credentials: { certificate: 'secret:tls', key: 'secret:tls-key' },
    });
    expect(await faultsOf('server', 'credentials: {certificate: "secret:tls", key: /etc/key}')).toBe(
      '1:42 "credentials.key": expected secret:NAME: secrets never stand in config.d',
    );
  });

  it.each([
    ['servers: [192.168.7.1]', '1:11 "servers.0": expected http://HOST:PORT or https://HOST:PORT'],
    ['servers: [ftp://a]', '1:11 "servers.0": expected http://HOST:PORT or https://HOST:PORT'],
    ['servers: http://a', '1:1 "servers": expected a list, found "http://a"'],
    ['weights: {http://a: -1}', '1:11 "weights.http://a": expected 0 or more, found -1'],
    ['authorities: [MIIB]', '1:15 "authorities.0": expected a certificate in PEM, below `|`'],
    ['servers: [http://a:80]\nweights: {http://A: 2}', '2:11 there is no such server: did you mean http://a:80?'],
    ['servers: [http://a]\nauthentication: mtls', '2:1 mtls needs https: http://a is not'],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('server', text)).toBe(fault);
  });
});

describe('rescue.conf', () => {
  it('that is empty gives everybody a shell for five minutes, then reboots', async () => {
    expect(await read('rescue', '')).toEqual({
      access: 'open',
      countdownMs: 300_000,
      unattended: 'reboot',
      attempts: 5,
    });
  });

  it('refuses a password in plain text', async () => {
    expect(await faultsOf('rescue', 'access: secret')).toContain('expected open, none, or what `mkpasswd -m sha-512`');
  });
});
