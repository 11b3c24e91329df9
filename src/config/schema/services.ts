import { z } from 'zod';
import { Service } from '../settings/scalars.ts';

/** controller/services/default-runlevel */
export const ServicesFile = z
  .strictObject({
    target: Service.optional().meta({
      description: 'systemd target or OpenRC runlevel that is booted; absent: that of the image',
    }),
    services: z
      .record(Service.meta({ title: 'SERVICE' }), z.enum(['enabled', 'disabled', 'masked']))
      .default({})
      .meta({
        description: 'by unit or service: enabled (started at boot), disabled, or masked (never started by anything)',
      }),
  })
  .meta({ description: 'services of the system' });
