import { z } from 'zod';
import { AbsolutePath, Certificate, Duration, HostName, Owner, SecretReference, Service } from '../settings/scalars.ts';

const TRUST = ['proven', 'network'] as const;

const Secret = z
  .strictObject({
    secret: SecretReference.meta({ description: 'which one, secret:NAME' }),
    trust: z
      .enum(TRUST)
      .default('proven')
      .meta({ description: 'what the machine must have shown; network: also where its enrolment is trust: network' }),
    owner: Owner.prefault('root:root').meta({ description: 'user:group of the file, names or numbers' }),
    credential: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected a name')
      .optional()
      .meta({ description: 'also a systemd credential of this name' }),
  })
  .transform(({ owner, ...rest }) => ({ ...rest, ...owner }));

/** system/identity.conf */
export const IdentityFile = z
  .strictObject({
    trust: z.enum(TRUST).default('proven').meta({
      description: 'how it enrols. proven: by an earlier key, a TPM or a person; network: a boot token is enough',
    }),
    names: z
      .array(HostName)
      .default([])
      .meta({ description: 'further names in its certificates, besides that of its node' }),
    certificate: z
      .strictObject({
        lifetime: Duration.prefault('30d').meta({
          description: 'how long it is valid, so the longest outage that it outlives; renewed at a third',
        }),
        services: z.array(Service).default([]).meta({ description: 'services that are reloaded when it is renewed' }),
      })
      .prefault({})
      .transform(({ lifetime, services }) => ({ lifetimeMs: lifetime, services }))
      .meta({ description: 'the TLS certificate of the machine' }),
    authorities: z
      .array(Certificate)
      .default([])
      .meta({ description: 'certificates in PEM that the system trusts besides its own' }),
    secrets: z
      .record(AbsolutePath.meta({ title: 'PATH' }), Secret)
      .prefault({})
      .meta({ description: 'secrets that become files of mode 0600 in RAM, by path' }),
  })
  .meta({ description: 'who the machine is, and what it may know' });
