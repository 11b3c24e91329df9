import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redact } from '../../../../src/machine/logs/redact.ts';
import { anyLetters } from '../../../fixtures/any-letters.ts';
import { sized } from '../../../fixtures/effort.ts';

const HASH = '$6$saltsalt$Wqz9mJ1yq0gX8kTz3bFvN2pLr5sD7hC4eA6uI8oP0yTnMx';

describe('redact', () => {
  it.each([
    // URLs
    ['GET http://bob:s3cret@boot.lab:8080/x failed', 'GET http://[redacted]@boot.lab:8080/x failed'],
    ['https://ghp_0123@github.com/x.git', 'https://[redacted]@github.com/x.git'],
    ['ftp://u:p@ss@host/f', 'ftp://[redacted]@host/f'],
    ['http://h/x?a=1&token=abc&b=2#top', 'http://h/x?a=1&token=[redacted]&b=2#top'],
    [
      '"http://h/?X-Amz-Signature=ab12&key=k&sig=%2Fx"',
      '"http://h/?X-Amz-Signature=[redacted]&key=[redacted]&sig=[redacted]"',
    ],
    ['/api?password=a+b secret=x', '/api?password=[redacted] secret=[redacted]'],
    // dracut's network roots
    [
      'netroot=iscsi:bob:pw:tar:get@10.0.0.1::::iqn.2009-06.lab:t0',
      'netroot=iscsi:[redacted]@10.0.0.1::::iqn.2009-06.lab:t0',
    ],
    ['root=cifs:bob:pw@nas/share', 'root=cifs:[redacted]@nas/share'],
    ['cifs://bob:pw@nas/share', 'cifs://[redacted]@nas/share'],
    ['cifsuser=bob cifspass=pw ro', 'cifsuser=bob cifspass=[redacted] ro'],
    ['user=bob,pass=pw', 'user=bob,pass=[redacted]'],
    // headers
    ['> Authorization: Bearer abc.def.ghi', '> Authorization: [redacted]'],
    ['proxy-authorization: Digest username="x", response="y"', 'proxy-authorization: [redacted]'],
    ["curl -H 'Authorization: Basic YTpi' http://h/", "curl -H 'Authorization: [redacted]' http://h/"],
    ['{"authorization":"Bearer abc","status":401}', '{"authorization":"[redacted]","status":401}'],
    ['sent Bearer 0123456789abcdef01', 'sent Bearer [redacted]'],
    // password hashes
    [`root:${HASH}:19000:0:99999:7:::`, 'root:[redacted]:19000:0:99999:7:::'],
    ['access: $y$j9T$abcdefgh$0123456789012345678901234567890', 'access: [redacted]'],
    ['"$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub"', '"[redacted]"'],
    ['$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy', '[redacted]'],
    // kernel arguments
    [
      'ro rd.iscsi.password=pw rd.iscsi.in.password="p w" quiet',
      'ro rd.iscsi.password=[redacted] rd.iscsi.in.password=[redacted] quiet',
    ],
    ['"rd.iscsi.password=p w" quiet', '"rd.iscsi.password=[redacted]" quiet'],
    ['statectl.token=a"b c" ro', 'statectl.token=[redacted] ro'],
    [
      'statectl.secret=x statectl.key=y statectl.server=z',
      'statectl.secret=[redacted] statectl.key=[redacted] statectl.server=z',
    ],
    ['systemd.set_credential=passwd.hashed-password.root:x', 'systemd.set_credential=[redacted]'],
    [
      '{"cmdline":"ip=dhcp statectl.token=abc quiet","n":1}',
      '{"cmdline":"ip=dhcp statectl.token=[redacted] quiet","n":1}',
    ],
    ['["x.token=abc","y"]', '["x.token=[redacted]","y"]'],
    // files
    ['network={\n  ssid="lab"\n  psk="hunter two"\n}', 'network={\n  ssid="lab"\n  psk=[redacted]\n}'],
    ['PrivateKey = abc=\nPublicKey = def=', 'PrivateKey = [redacted]\nPublicKey = def='],
    ['wifi:\n  ssid: lab\n  psk: hunter two # note\n', 'wifi:\n  ssid: lab\n  psk: [redacted]\n'],
    ['{"api_key": "a\\"b", "name": "x"}', '{"api_key": "[redacted]", "name": "x"}'],
    ['AGE-SECRET-KEY-1QQPQ9', '[redacted]'],
  ])('turns %j into %j', (text, expected) => {
    expect(redact(text)).toBe(expected);
  });

  const pem = (label: string) =>
    `-----BEGIN ${label}-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC=\n-----END ${label}-----`;

  it('blots out a private key line by line, wherever it stands', () => {
    expect(redact(`key:\n${pem('EC PRIVATE KEY')}\nnext`)).toMatchInlineSnapshot(`
      "key:
      -----BEGIN EC PRIVATE KEY-----
      [redacted]
      [redacted]
      -----END EC PRIVATE KEY-----
      next"
    `);
    expect(redact(pem('OPENSSH PRIVATE KEY').replaceAll('\n', '\n    '))).toMatchInlineSnapshot(`
      "-----BEGIN OPENSSH PRIVATE KEY-----
          [redacted]
          [redacted]
          -----END OPENSSH PRIVATE KEY-----"
    `);
    expect(redact(JSON.stringify({ key: pem('PRIVATE KEY'), a: 1 }))).toMatchInlineSnapshot(
      `"{"key":"-----BEGIN PRIVATE KEY-----[redacted]-----END PRIVATE KEY-----","a":1}"`,
    );
  });

  it('blots out a private key that was cut off, and not the log after it', () => {
    const text =
      '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIEvQIBADANBgkq\nhkiG9\nstatectl: mount (8/10)';
    expect(redact(text)).toMatchInlineSnapshot(`
      "-----BEGIN RSA PRIVATE KEY-----
      [redacted]

      [redacted]
      [redacted]
      statectl: mount (8/10)"
    `);
  });

  it('hides every shape of secret whole', () => {
    const secret = fc
      .string({ unit: fc.constantFrom(...'abcXYZ0189._~+-!%/'), minLength: 8, maxLength: 20 })
      .filter((text) => !text.includes('/'));
    const shape = fc.constantFrom(
      (text: string) => `https://user:${text}@host/path`,
      (text: string) => `http://h/x?token=${text}&page=2`,
      (text: string) => `Authorization: Token ${text}`,
      (text: string) => `quiet rd.iscsi.password=${text} ro`,
      (text: string) => `quiet "statectl.token=${text} ${text}" ro`,
      (text: string) => `  psk="${text}"`,
      (text: string) => `{"password":"${text}"}`,
      (text: string) => `root=iscsi:me:${text}@10.0.0.1`,
      (text: string) => `{"cmdline":"a.secret=${text}"}`,
    );
    fc.assert(
      fc.property(secret, shape, (text, shaped) => {
        expect(redact(shaped(text))).not.toContain(text);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    'statectl: mount (8/10): overlay on /etc … done in 12 ms',
    'BOOT_IMAGE=/vmlinuz root=UUID=3f5ad593-4546-4a94-a374-bcfb68aa11f7 ro quiet console=ttyS0,115200n8 panic=10',
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  root.squashfs',
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9v1tQ0mJ2Q root@lab',
    '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----',
    '-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ\n-----END CERTIFICATE-----',
    'eth0: 52:54:00:12:34:56, e1000e, carrier',
    'ip=[2001:db8::2]::[2001:db8::1]:64:h:eth0:none',
    'GET http://10.0.2.2:8080/v1/boot?machine=3f5ad593&arch=x86_64 → 200',
    'http://h/x?pubkey=abc&public_key=def&monkey=1',
    'mail admin@lab or see https://h/@scope/pkg',
    'iscsi: connected to 10.0.0.1 by admin@lab',
    'vconsole.keymap=de keyboard=us systemd.unit=rescue.target bypass=1 compass=n tokens=3 passes=2',
    'if [ "$1" = "$2" ]; then echo "$1$2$3"; fi; price $5$6',
    'tmpfs.conf:4:5 unknown key "sise": did you mean "size"?',
    'password= ro',
    'polkit authorization failed; the password was wrong, no token given',
    'Server public key: x; key: value; name=value; a = b',
    'C:\\$6$ and 100$ 2$a',
    '',
  ])('leaves %j as it is', (text) => {
    expect(redact(text)).toBe(text);
  });

  const fragment = fc.constantFrom(
    ...[
      'http://',
      'iscsi:',
      'a:b',
      '@',
      '/',
      '?',
      '&',
      '=',
      'token=',
      'x.key=',
      'sig=',
      'password',
      '"',
      "'",
      '\\',
      ' ',
      '\n',
      '\r\n',
      ': ',
    ],
    ...[
      '{',
      '}',
      ',',
      '[redacted]',
      'abc',
      'Authorization: ',
      'digest ',
      'Bearer ',
      '0123456789abcdef',
      HASH,
      '$6$',
      '$',
      '- ',
      '|',
      '#',
    ],
    ...[
      '-----BEGIN PRIVATE KEY-----',
      '-----END PRIVATE KEY-----',
      '-----BEGIN ',
      'MIIEvQIBADANBgkqhkiG',
      '\\n',
      'Proc-Type: 4',
      'AGE-SECRET-KEY-1A',
    ],
  );
  const anyText = fc.oneof(
    fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join('')),
    anyLetters(),
  );

  it('changes nothing more the second time', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const once = redact(text);
        expect(redact(once)).toBe(once);
      }),
      { numRuns: sized(1_000, 50_000) },
    );
  });

  it('keeps every line where it was', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(redact(text).split('\n').length).toBe(text.split('\n').length);
      }),
      { numRuns: sized(500, 20_000) },
    );
  });

  it('leaves words, digests and identifiers alone', () => {
    const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 });
    const word = fc.string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz'), minLength: 1, maxLength: 8 });
    const plain = fc.oneof(hex, fc.uuid(), fc.ipV4(), fc.base64String({ maxLength: 44 }), word);
    fc.assert(
      fc.property(fc.array(plain, { maxLength: 8 }), fc.constantFrom(' ', '\n', ', '), (words, glue) => {
        expect(redact(words.join(glue))).toBe(words.join(glue));
      }),
    );
  });
});
