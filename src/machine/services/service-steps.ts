import { dirname } from 'node:path/posix';
import { entryOf } from '../../entry-of.ts';
import type { Facts } from '../facts/facts.ts';
import type { ServiceFacts } from '../facts/service-facts.ts';
import type { InstallFacts } from '../facts/system-facts.ts';
import type { Step } from '../steps/step.ts';
import { ADMIN_UNITS } from './unit-file.ts';

const remove = (path: string): Step => ({ kind: 'remove', path });
const link = (path: string, target: string): readonly Step[] => [
  { kind: 'mkdir', path: dirname(path), mode: 0o755 },
  { kind: 'symlink', path, target },
];

/** What is enabled, disabled and masked, as links. What the system does not know is left out. Pure. */
export const planServices = ({ config }: Facts, { services = {}, defaultTarget }: InstallFacts): readonly Step[] => [
  ...Object.entries(config.services.services).flatMap(([name, state]) => {
    const found = entryOf(services, name);
    return found ? stepsOf(state, found) : [];
  }),
  ...(defaultTarget === undefined ? [] : link(`${ADMIN_UNITS}/default.target`, defaultTarget)),
];

function stepsOf(state: string, { enable, started, hide, mask, masked }: ServiceFacts): readonly Step[] {
  if (state === 'enabled')
    return [
      ...masked.filter((path) => !Object.hasOwn(enable, path)).map(remove),
      ...Object.entries(enable).flatMap(([path, target]) => link(path, target)),
    ];
  if (state === 'masked' && mask.length > 0) return mask.flatMap((path) => link(path, '/dev/null'));
  return [
    ...started.filter((path) => !hide.includes(path)).map(remove),
    ...hide.flatMap((path) => link(path, '/dev/null')),
  ];
}
