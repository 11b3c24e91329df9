import { describe, expect, it } from 'vitest';
import { faultsOf, PUBLIC_KEY, read } from './part.ts';

const SECRETS = 'secrets never stand in config.d';

describe('identity.conf', () => {
  it('that is empty wants a proof, and a certificate for thirty days', async () => {
    expect(await read('identity', '')).toEqual({
      trust: 'proven',
      names: [],
      certificate: { lifetimeMs: 30 * 86_400_000, services: [] },
      authorities: [],
      secrets: {},
    });
  });

  it('gives a secret to a path, proven unless it says otherwise', async () => {
    const text = 'secrets: {/etc/token: {secret: "secret:token", owner: "moonraker:1000", credential: moonraker}}';
    expect((await read('identity', text)).secrets).toEqual({
      '/etc/token': {
        secret: 'secret:token',
        trust: 'proven',
        owner: 'moonraker',
        group: '1000',
        credential: 'moonraker',
      },
    });
  });

  it('takes a certificate as it is', async () => {
    const pem = '-----BEGIN CERTIFICATE-----\nMIIB\nAAA=\n-----END CERTIFICATE-----\n';
    expect((await read('identity', `authorities:\n- |\n  ${pem.replaceAll('\n', '\n  ')}`)).authorities).toEqual([pem]);
  });

  it.each([
    ['secrets: {/a: {secret: hunter2}}', `1:16 "secrets./a.secret": expected secret:NAME: ${SECRETS}`],
    ['names: [a_b]', '1:9 "names.0": expected a host name such as print01 or print01.lab.example'],
    ['trust: all', '1:1 "trust": expected one of proven, network, found "all"'],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('identity', text)).toBe(fault);
  });
});

describe('users.conf', () => {
  it('that is empty leaves the accounts of the image', async () => {
    expect(await read('users', '')).toEqual({ users: {}, groups: {} });
  });

  it('says nothing of an account but its name: the rest is as the image has it', async () => {
    expect(await read('users', 'users: {pi: {}}')).toEqual({
      users: { pi: { groups: [], authorizedKeys: [], sudo: false } },
      groups: {},
    });
  });

  it('has keys, groups, and the password by name', async () => {
    const text = `users: {ada: {uid: 1500, groups: [adm, lab], password: "secret:ada", authorizedKeys: ["${PUBLIC_KEY}"]}}\ngroups: {lab: {gid: 1700}}`;
    expect(await read('users', text)).toMatchObject({
      users: { ada: { uid: 1500, groups: ['adm', 'lab'], password: 'secret:ada', authorizedKeys: [PUBLIC_KEY] } },
      groups: { lab: { gid: 1700 } },
    });
  });

  it.each([
    [
      'users: {ada: {password: "$6$a$b"}}',
      `1:15 "users.ada.password": expected secret:NAME: secrets never stand in config.d`,
    ],
    ['users: {Ada: {}}', '1:9 "users.Ada": expected a name of small letters, digits, "_" and "-"'],
    ['users: {ada: {uid: 65535}}', '1:15 "users.ada.uid": 65535 is no number of an account'],
    ['users: {ada: {comment: "a:b"}}', '1:15 "users.ada.comment": expected a text without ":"'],
    [
      'users: {ada: {authorizedKeys: [ssh-dss AAAA]}}',
      '1:32 "users.ada.authorizedKeys.0": expected a public key such as "ssh-ed25519 AAAA… name"',
    ],
    ['users: {a: {uid: 7}, b: {uid: 7}}', '1:26 a has the uid 7 already'],
    ['groups: {a: {gid: 7}, b: {gid: 7}}', '1:27 a has the gid 7 already'],
    [
      'users: {a: {groups: [lab]}}',
      "1:13 users.conf has no group lab; if it is the image's, write `lab: {}` under groups",
    ],
    [
      'users: {a: {group: lab}}',
      "1:13 users.conf has no group lab; if it is the image's, write `lab: {}` under groups",
    ],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('users', text)).toBe(fault);
  });

  it('may name groups that every system has, and those of other users', async () => {
    expect(await faultsOf('users', 'users: {a: {groups: [dialout, sudo, b]}, b: {}}')).toBe('no fault');
  });
});

describe('ssh.conf', () => {
  it('that is empty signs host keys and takes no passwords', async () => {
    expect(await read('ssh', '')).toEqual({
      userAuthorities: [],
      principals: {},
      hostCertificate: true,
      revoked: [],
      passwords: false,
    });
  });

  it('trusts user CAs, with principals by account', async () => {
    expect(await read('ssh', `userAuthorities: ["${PUBLIC_KEY}"]\nprincipals: {root: [lab-admin]}`)).toMatchObject({
      userAuthorities: [PUBLIC_KEY],
      principals: { root: ['lab-admin'] },
    });
  });

  it.each([
    [
      'userAuthorities: [/etc/ca.pub]',
      '1:19 "userAuthorities.0": expected a public key such as "ssh-ed25519 AAAA… name"',
    ],
    ['principals: {root: [a b]}', '1:21 "principals.root.0": expected one principal'],
    ['principals: {rot: [a]}', "1:14 users.conf has no user rot; if it is the image's, write `rot: {}` under users"],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('ssh', text)).toBe(fault);
  });
});

describe('python.conf', () => {
  const sha256 = 'a'.repeat(64);

  it('has archives by name, with their digests', async () => {
    expect(await read('python', '')).toEqual({});
    const text = `shell_command: {url: http://a/b.tgz, sha256: ${sha256}, overlay: /home/klipper/klipper/klippy/extras}`;
    expect(await read('python', text)).toEqual({
      shell_command: { url: 'http://a/b.tgz', sha256, services: [], overlay: '/home/klipper/klipper/klippy/extras' },
    });
  });

  it.each([
    ['a: {url: http://a/b}', '1:1 "a.sha256": expected a text, found nothing'],
    [`a: {url: file:///a, sha256: ${sha256}}`, '1:5 "a.url": expected http://HOST:PORT or https://HOST:PORT'],
    ['a: {url: http://a/b, sha256: abc}', '1:22 "a.sha256": expected a SHA-256 of 64 hex digits'],
    [`../a: {url: http://a/b, sha256: ${sha256}}`, '1:1 "../a": expected a name of letters, digits, ".", "_" or "-"'],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('python', text)).toBe(fault);
  });
});
