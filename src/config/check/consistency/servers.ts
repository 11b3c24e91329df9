import type { Config } from '../../config.ts';
import type { Inconsistency } from './inconsistency.ts';

/** Servers that nobody could choose. Weights of servers that a higher layer took out are no fault. */
export function serverFaults({ server }: Config): readonly Inconsistency[] {
  const { servers, weights, authentication } = server;
  const plain = authentication === 'mtls' ? servers.filter((url) => url.startsWith('http:')) : [];
  const misplaced = Object.keys(weights).filter((url) => !servers.includes(url) && servers.some(isLike(url)));
  return [
    ...plain.map((url) => ({ path: ['server', 'authentication'], message: `mtls needs https: ${url} is not` })),
    ...misplaced.map((url) => {
      const meant = servers.find(isLike(url));
      return { path: ['server', 'weights', url], message: `there is no such server: did you mean ${meant}?` };
    }),
  ];
}

/** The same server written otherwise: `http://a` and `http://A/`. */
const isLike =
  (url: string) =>
  (other: string): boolean =>
    new URL(url).href === new URL(other).href;
