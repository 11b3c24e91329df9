import { z } from 'zod';
import { AbsolutePath, AccountName, SecretReference, SshPublicKey } from '../settings/scalars.ts';

/** 2^32 - 1 and 65535 mean "none" to chown(2) and its like. */
const AccountNumber = z
  .int()
  .min(0)
  .max(4_294_967_293)
  .refine((id) => id !== 65_535, '65535 is no number of an account');

/** What is absent is as the image has it. */
const User = z.strictObject({
  uid: AccountNumber.optional().meta({ description: 'number; absent: that of the image, else the next free one' }),
  group: AccountName.optional().meta({ description: 'primary group; absent: that of the image, else one of its name' }),
  groups: z.array(AccountName).default([]).meta({ description: 'further groups' }),
  home: AbsolutePath.optional().meta({
    description: 'made when it is not there; absent: that of the image, else /home/USER',
  }),
  shell: AbsolutePath.optional().meta({ description: 'login shell; absent: that of the image, else /bin/bash' }),
  comment: z
    .string()
    .regex(/^[^:\n]*$/, 'expected a text without ":"')
    .optional()
    .meta({ description: 'full name' }),
  password: z
    .union([z.literal('locked'), SecretReference], {
      error: 'expected locked or secret:NAME',
    })
    .optional()
    .meta({ description: 'locked, or where the hash is: secret:NAME; absent: that of the image, else locked' }),
  authorizedKeys: z.array(SshPublicKey).default([]).meta({ description: 'public keys that may log in' }),
  sudo: z.boolean().default(false).meta({ description: 'may become root' }),
});

/** system/users.conf */
export const UsersFile = z
  .strictObject({
    users: z
      .record(AccountName.meta({ title: 'USER' }), User)
      .default({})
      .meta({ description: 'accounts, merged into those of the image by name; `NAME: {}` for one of the image' }),
    groups: z
      .record(
        AccountName.meta({ title: 'GROUP' }),
        z.strictObject({
          gid: AccountNumber.optional().meta({
            description: 'number; absent: that of the image, else the next free one',
          }),
        }),
      )
      .default({})
      .meta({ description: 'groups, merged into those of the image by name; `NAME: {}` for one of the image' }),
  })
  .meta({ description: 'accounts of the system' });
