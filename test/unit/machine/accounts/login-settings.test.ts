import { describe, expect, it } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { planLogins } from '../../../../src/machine/accounts/login-settings.ts';
import type { InstallFacts } from '../../../../src/machine/facts/system-facts.ts';
import { authorityLists } from '../../../../src/machine/services/authority-lists.ts';
import { loadFiles } from '../../../fixtures/config.ts';
import { createFacts } from '../../../fixtures/facts.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4qzWVtK0b5d1bD9lUo3yq2mJpF0S6e0vY1o1f8o5nq ada';
const INSTALL: InstallFacts = {
  ...{ machineId: 'x', machineIdOrigin: 'derived', usesNetworkd: true, usesIfupdown: false, hasResolvConf: 'file' },
  ...{ hasSshd: true, hasSudo: true },
};
const written = async (files: Readonly<Record<string, string>>, install: Partial<InstallFacts> = {}) => {
  const facts = { ...createFacts(), config: await loadFiles(files) };
  return Object.fromEntries(
    planLogins(facts, { ...INSTALL, ...install }).flatMap((step) =>
      step.kind === 'write' ? [[step.path.replace('/etc/', '').replace('/run/statectl/', ''), step.content]] : [],
    ),
  );
};

describe('who may log in', () => {
  it('is nobody by password when nobody says so', async () => {
    expect(await written({})).toEqual({
      'ssh/sshd_config.d/10-statectl.conf':
        '# Made by statectl at boot.\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n',
    });
    expect(await written({}, { hasSshd: false })).toEqual({});
  });

  it('is who has a key, a certificate of an authority, and no revoked key', async () => {
    const files = await written({
      'system/users.conf': `users: { ada: { authorizedKeys: ["${KEY}"] } }\n`,
      'system/ssh.conf': `userAuthorities: ["${KEY}"]\nprincipals: { root: [lab-admin, ops] }\nrevoked: ["${KEY}"]\npasswords: true\n`,
    });
    expect(files['ssh/sshd_config.d/10-statectl.conf']?.split('\n').slice(1, -1)).toEqual([
      'PasswordAuthentication yes',
      'AuthorizedKeysFile .ssh/authorized_keys /run/statectl/logins/authorized_keys/%u',
      'TrustedUserCAKeys /run/statectl/logins/user_authorities',
      'RevokedKeys /run/statectl/logins/revoked',
      'Match User root',
      '  AuthorizedPrincipalsFile /run/statectl/logins/principals/%u',
    ]);
    expect(files['logins/authorized_keys/ada']).toBe(`${KEY}\n`);
    expect(files['logins/principals/root']).toBe('lab-admin\nops\n');
  });

  it('and become root, where there is sudo', async () => {
    const users = { 'system/users.conf': 'users: { ada: { sudo: true }, bob: {} }\n' };
    expect((await written(users))['sudoers.d/statectl']).toBe('ada ALL=(ALL:ALL) ALL\n');
    expect((await written(users, { hasSudo: false }))['sudoers.d/statectl']).toBeUndefined();
    const nobody = planLogins(createFacts(), INSTALL);
    expect(nobody).toContainEqual({ kind: 'remove', path: '/etc/sudoers.d/statectl' });
  });
});

describe('whom the system trusts', () => {
  const [ours, theirs] = ['ours', 'theirs'].map(
    (text) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`,
  );
  const trusting = async (list?: string) => {
    const shipped = await loadFiles({});
    const facts = {
      ...createFacts(),
      config: { ...shipped, identity: { ...shipped.identity, authorities: [ours ?? ''] } },
    };
    const path = '/run/statectl/image/etc/ssl/certs/ca-certificates.crt';
    const host = memoryHost({ files: list === undefined ? {} : { [path]: list } });
    return planLogins(facts, { ...INSTALL, hasSshd: false, ...(await authorityLists(host, facts)) });
  };
  const list = (content: string | undefined) => ({
    kind: 'write',
    path: '/etc/ssl/certs/ca-certificates.crt',
    content,
  });

  it('is whom the image trusts, and whom config.d names', async () => {
    expect(await trusting(theirs)).toContainEqual(list(`${theirs}${ours}`));
    expect(await trusting(`${ours}${theirs}`)).toContainEqual(list(`${ours}${theirs}`));
  });

  it('is told in the lists of Fedora and SUSE too, where their links lead', async () => {
    const shipped = await loadFiles({});
    const config = { ...shipped, identity: { ...shipped.identity, authorities: [ours ?? ''] } };
    const image = '/run/statectl/image';
    const host = memoryHost({
      files: {
        [`${image}/etc/pki/tls/certs/ca-bundle.crt`]: { target: '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem' },
        [`${image}/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem`]: theirs ?? '',
        [`${image}/etc/ssl/ca-bundle.pem`]: { target: '../../usr/share/ca-bundle.pem' },
        [`${image}/usr/share/ca-bundle.pem`]: theirs ?? '',
      },
    });
    const steps = planLogins({ ...createFacts(), config }, { ...INSTALL, ...(await authorityLists(host, { config })) });
    const lists = steps.flatMap((step) =>
      step.kind === 'write' && step.path.endsWith('.pem') ? [[step.path, step.content]] : [],
    );
    expect(lists).toEqual([
      ['/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', `${theirs}${ours}`],
      ['/etc/ssl/ca-bundle.pem', `${theirs}${ours}`],
    ]);
  });

  it('is whom config.d names, in an image without the package ca-certificates', async () => {
    expect(await trusting()).toEqual(
      expect.arrayContaining([{ kind: 'mkdir', path: '/etc/ssl/certs', mode: 0o755 }, list(ours)]),
    );
  });
});
