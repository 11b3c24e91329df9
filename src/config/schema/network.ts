import { z } from 'zod';
import { Duration } from '../scalars.ts';

/** system/network.conf */
export const NetworkFile = z
  .strictObject({
    wait: Duration.prefault('10s').meta({
      description: 'how long a machine with a bootable local copy waits for the network and a server',
    }),
    dhcp: Duration.prefault('30s').meta({ description: 'how long one DHCP attempt may take' }),
  })
  .transform(({ wait, dhcp }) => ({ waitMs: wait, dhcpMs: dhcp }))
  .meta({ description: 'the network of the initramfs' });
