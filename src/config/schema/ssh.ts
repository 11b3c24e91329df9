import { z } from 'zod';
import { AccountName, SshPublicKey } from '../settings/scalars.ts';

/** system/ssh.conf */
export const SshFile = z
  .strictObject({
    userAuthorities: z
      .array(SshPublicKey)
      .default([])
      .meta({ description: 'public keys of user CAs (TrustedUserCAKeys): whom they signed may log in' }),
    principals: z
      .record(AccountName.meta({ title: 'USER' }), z.array(z.string().regex(/^[^\s,]+$/, 'expected one principal')))
      .default({})
      .meta({ description: 'by account: the principals that a certificate must name; default: that of the account' }),
    hostCertificate: z
      .boolean()
      .default(true)
      .meta({ description: 'the server signs the host keys, which are made at boot, so that clients know them' }),
    revoked: z.array(SshPublicKey).default([]).meta({ description: 'keys that count no more (RevokedKeys)' }),
    passwords: z.boolean().default(false).meta({ description: 'may one log in with a password' }),
  })
  .meta({ description: 'SSH of the system' });
