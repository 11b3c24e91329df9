import { describe, expect, it } from 'vitest';
import { FILTERS } from '../../../../src/config/templates/filters.ts';
import { body } from './sample.ts';

const metadata = { room: 'b 12', 'nozzle-size': 0.4 };

describe('the documented example of the filter', () => {
  it.each(Object.entries(FILTERS))('%s', (_name, { example: [template, result] }) => {
    expect(body(template, { metadata })).toBe(result);
  });
});

/** `value | FILTER`, with the value in metadata. */
const filter = (value: unknown, words: string): string =>
  body(`{{ metadata.v | ${words} }}`, { metadata: { v: value as never } }).replace(/^templates\/t:4:1 /, '');

describe('shell', () => {
  it.each([
    ['plain-1.0_a/b@c%d+e:f,g', 'plain-1.0_a/b@c%d+e:f,g'],
    ['', "''"],
    ['a=b', "'a=b'"],
    ['~', "'~'"],
    ['$(reboot)', "'$(reboot)'"],
    ["'", "''\\'''"],
    [7, '7'],
    [true, 'true'],
    [['a b', 'c'], "'a b' c"],
  ])('%j is %s', (value, quoted) => {
    expect(filter(value, 'shell')).toBe(quoted);
  });

  it.each([
    [{ a: 1 }, 'found a map'],
    [null, 'found nothing'],
    [[['a', { b: 1 }]], 'found a map'],
    ['a\0b', 'without NUL'],
  ])('refuses %j', (value, message) => {
    expect(filter(value, 'shell')).toContain(message);
  });
});

describe('env', () => {
  it.each([
    [{ room: 'a b', 'n-s': 0.4, 'x.y': true }, 'ROOM="a b"\nN_S=0.4\nX_Y=true'],
    [{ a: { b: { c: 1 } } }, 'A_B_C=1'],
    [{ a: null, b: '' }, 'A=""\nB=""'],
    [{ a: ['x', 1] }, 'A="x 1"'],
    [{ a: '$HOME `id` "x" \\' }, 'A="\\$HOME \\`id\\` \\"x\\" \\\\"'],
    [{ a: 'x\ny' }, 'A="x\ny"'],
    [{}, ''],
    ['a b', '"a b"'],
    [['a', 'b'], '"a b"'],
  ])('%j is %j', (value, lines) => {
    expect(filter(value, 'env')).toBe(lines);
  });

  it.each([
    [{ 'a b': 1 }, 'env: expected keys of letters, digits and _, found "a b"'],
    [{ '1a': 1 }, 'found "1a"'],
    [{ 'a-b': 1, a_b: 2 }, 'env: two keys give the variable A_B'],
    [{ a: ['x y'] }, 'expected list items without blanks'],
    [{ a: [{}] }, 'found a map'],
    [{ a: 'x\u0007' }, 'without control characters'],
    [{ a: 'x\r\n' }, 'without control characters'],
    [null, 'found nothing'],
  ])('refuses %j', (value, message) => {
    expect(filter(value, 'env')).toContain(message);
  });
});

describe('systemd_escape', () => {
  it.each([
    ['foo bar', 'foo\\x20bar'],
    ['-x', '\\x2dx'],
    ['.x.y', '\\x2ex.y'],
    ['/a//b/', '-a--b-'],
    ['ü', '\\xc3\\xbc'],
    ['', ''],
  ])('%j is %s, as systemd-escape 252 prints it', (text, escaped) => {
    expect(filter(text, 'systemd_escape')).toBe(escaped);
  });

  it.each([
    ['/', '-'],
    ['/dev//sda/', 'dev-sda'],
    ['/.foo', '\\x2efoo'],
    ['/a/./b', 'a-b'],
  ])('of the path %j is %s, as systemd-escape --path prints it', (text, escaped) => {
    expect(filter(text, 'systemd_escape: "path"')).toBe(escaped);
  });

  it.each(['a/b', '/a/../b', ''])('refuses the path %j', (text) => {
    expect(filter(text, 'systemd_escape: "path"')).toContain('expected an absolute path without ".."');
  });

  it('has two forms', () => {
    expect(filter('a', 'systemd_escape: "unit"')).toContain('expected "path" or nothing, found "unit"');
  });
});

describe('addresses', () => {
  it.each([
    ['10.0.0.5/24', 'ip_network', '10.0.0.0/24'],
    ['10.0.0.5/0', 'ip_network', '0.0.0.0/0'],
    ['10.0.0.5/32', 'ip_netmask', '255.255.255.255'],
    ['10.0.0.5/9', 'ip_netmask', '255.128.0.0'],
    ['fd00:0:0::0005/48', 'ip_address', 'fd00::5'],
    ['2001:DB8::1:0:0:1/64', 'ip_network', '2001:db8::/64'],
    ['::ffff:1.2.3.4', 'ip_address', '::ffff:102:304'],
    ['::/0', 'ip_netmask', '::'],
    ['10.0.0.5', 'ip_add: 3', '10.0.0.8'],
    ['10.0.0.255', 'ip_add: 1', '10.0.1.0'],
    ['10.0.0.5/24', 'ip_add: -5', '10.0.0.0/24'],
    ['10.0.0.5/24', 'ip_add: "2"', '10.0.0.7/24'],
    ['fd00::ffff/64', 'ip_add: 1', 'fd00::1:0/64'],
    ['fd00::5/64', 'ip_prefix', '64'],
  ])('%s | %s is %s', (address, words, result) => {
    expect(filter(address, words)).toBe(result);
  });

  it.each([
    ['10.0.0.250/24', 'ip_add: 10', 'leaves the network'],
    ['255.255.255.255', 'ip_add: 1', 'leaves the network of all addresses'],
    ['0.0.0.0', 'ip_add: -1', 'leaves the network of all addresses'],
    ['10.0.0.5/24', 'ip_add: 1.5', 'expected how many addresses further, found 1.5'],
    ['10.0.0.5/24', 'ip_add', 'found nothing'],
    ['10.0.0.5', 'ip_network', 'expected an address with its prefix, such as 10.0.0.5/24'],
    ['10.0.0.5/33', 'ip_prefix', 'expected a prefix of at most 32'],
    ['10.0.0.05', 'ip_address', 'expected an address such as'],
    ['10.0.0', 'ip_address', 'expected an address such as'],
    ['fe80::1%eth0', 'ip_address', 'expected an address such as'],
    ['fd00::/64/64', 'ip_address', 'expected an address such as'],
    [7, 'ip_address', 'found 7'],
  ])('%s | %s is refused', (address, words, message) => {
    expect(filter(address, words)).toContain(message);
  });
});

describe('mac', () => {
  it.each([
    ['52-54-00-AB-CD-EF', 'mac', '52:54:00:ab:cd:ef'],
    ['525400abcdef', 'mac: "dotted"', '5254.00ab.cdef'],
    ['5254.00ab.cdef', 'mac: "bare"', '525400abcdef'],
  ])('%s | %s is %s', (address, words, result) => {
    expect(filter(address, words)).toBe(result);
  });

  it('refuses what is no address, and no form', () => {
    expect(filter('52:54', 'mac')).toBe('mac: expected a MAC address, found "52:54"');
    expect(filter('525400abcdef', 'mac: "constructor"')).toContain('expected one of colon, dash, bare, dotted');
  });
});

describe('text', () => {
  it('is indented, without blanks in empty lines', () => {
    expect(filter('a\n\nb\n', 'indent: 2')).toBe('a\n\n  b\n');
    expect(filter('a\n\nb', 'indent: 2, first: true')).toBe('  a\n\n  b');
    expect(filter('a', 'indent: 65')).toContain('expected 0 to 64 blanks');
    expect(filter('a', 'indent')).toContain('expected how many blanks, found nothing');
  });

  it('is JSON in one line or several', () => {
    expect(filter({ a: [1, null] }, 'json')).toBe('{"a":[1,null]}');
    expect(filter([1], 'json: 2')).toBe('[\n  1\n]');
  });

  it('is a date only in UTC and English', () => {
    expect(filter('2026-03-01 08:05', 'date: "%d %b %Y %H:%M:%S %j %e%% %a %y %z %Z"')).toBe(
      '01 Mar 2026 08:05:00 060  1% Sun 26 +0000 UTC',
    );
    expect(filter('2026-03-01T08:05:00+02:00', 'date')).toBe('2026-03-01T06:05:00Z');
    expect(filter(0, 'date: "%F %T"')).toBe('1970-01-01 00:00:00');
    expect(filter('2026-03-01', 'date: "%c"')).toContain('date: %c is not known; there are %Y ');
    expect(filter('soon', 'date')).toContain('date: expected a time such as');
  });

  it('is expanded as a hostlist, or refused', () => {
    expect(filter('a[1-2],b', 'hostlist | join: "/"')).toBe('a1/a2/b');
    expect(filter('a[', 'hostlist')).toBe('hostlist: "a[": a bracket is not closed');
  });
});
