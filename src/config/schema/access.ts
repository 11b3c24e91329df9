import { z } from 'zod';
import { AbsolutePath, AccountName, HttpUrl, SecretReference, Sha256 } from '../scalars.ts';

/** system/identity.conf */
export const IdentityFile = z
  .strictObject({
    trust: z.enum(['proven', 'network']).default('proven').meta({
      description: 'what a machine must show for its secrets: an earlier key, a TPM or a person; or a boot token',
    }),
    names: z.array(z.string()).default([]).meta({ description: 'further names in its TLS certificate' }),
    certificate: z
      .strictObject({
        days: z.int().min(1).max(825).default(30).meta({ description: 'how long it is valid; renewed at a third' }),
        services: z
          .array(z.string())
          .default([])
          .meta({ description: 'services that are reloaded when it is renewed' }),
      })
      .prefault({}),
    authorities: z
      .array(z.string().regex(/^-----BEGIN CERTIFICATE-----/, 'expected a certificate in PEM'))
      .default([])
      .meta({ description: 'certificates that the system trusts besides its own' }),
    secrets: z
      .record(
        AbsolutePath,
        z.strictObject({
          secret: SecretReference.meta({ description: 'which one' }),
          credential: z.string().optional().meta({ description: 'also as a systemd credential of this name' }),
        }),
      )
      .default({})
      .meta({ description: 'secrets that become files of mode 0600 in RAM, by path' }),
  })
  .meta({ description: 'who the machine is, and what it may know' });

const PublicKey = z
  .string()
  .regex(
    /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+|sk-[a-z0-9@.-]+) [A-Za-z0-9+/=]+( .*)?$/,
    'expected a public key such as "ssh-ed25519 AAAA… name"',
  );

/** system/ssh.conf */
export const SshFile = z
  .strictObject({
    userAuthorities: z
      .array(PublicKey)
      .default([])
      .meta({ description: 'TrustedUserCAKeys: who they signed may log in' }),
    principals: z
      .record(AccountName, z.array(z.string().min(1)))
      .default({})
      .meta({ description: 'by account: the principals of a certificate that may use it' }),
    hostCertificate: z
      .boolean()
      .default(true)
      .meta({ description: 'host keys are made at boot and signed by the server' }),
    revoked: z.array(PublicKey).default([]).meta({ description: 'keys that count no more' }),
    passwords: z.boolean().default(false).meta({ description: 'may one log in with a password' }),
  })
  .meta({ description: 'SSH of the system' });

/** system/users.conf */
export const UsersFile = z
  .strictObject({
    users: z
      .record(
        AccountName,
        z.strictObject({
          uid: z.int().min(0).max(4_294_967_294).optional().meta({ description: 'number; default: the next free one' }),
          group: AccountName.optional().meta({ description: 'primary group; default: one of its name' }),
          groups: z.array(AccountName).default([]).meta({ description: 'further groups' }),
          home: AbsolutePath.optional().meta({ description: 'default: /home/NAME' }),
          shell: AbsolutePath.default('/bin/bash').meta({ description: 'login shell' }),
          comment: z
            .string()
            .regex(/^[^:\n]*$/, 'expected a text without ":"')
            .default('')
            .meta({ description: 'full name' }),
          password: z
            .union([z.literal('locked'), SecretReference])
            .default('locked')
            .meta({ description: 'locked, or the hash: secret:NAME' }),
          authorizedKeys: z.array(PublicKey).default([]).meta({ description: 'public keys that may log in' }),
          sudo: z.boolean().default(false).meta({ description: 'may become root' }),
        }),
      )
      .default({})
      .meta({ description: 'accounts, merged into those of the image' }),
    groups: z
      .record(
        AccountName,
        z.strictObject({ gid: z.int().min(0).max(4_294_967_294).optional().meta({ description: 'number' }) }),
      )
      .default({})
      .meta({ description: 'groups besides those of the image' }),
  })
  .meta({ description: 'accounts of the system' });

/** system/python.conf: by name. */
export const PythonFile = z
  .record(
    z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected a name'),
    z.strictObject({
      url: HttpUrl.meta({ description: 'an archive (tar, zip, wheel)' }),
      sha256: Sha256.meta({ description: 'what it must be' }),
      services: z.array(z.string()).default([]).meta({ description: 'services that get it on their PYTHONPATH' }),
      klippyExtras: z
        .boolean()
        .default(false)
        .meta({ description: 'an overlay on klippy/extras: Klipper finds its modules nowhere else' }),
    }),
  )
  .meta({ description: 'Python packages besides those of the image' });
