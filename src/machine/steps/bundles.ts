import { dirname } from 'node:path';
import { reasonOf } from '../../error.ts';
import { askForBundle, type BundleQuestion, bundleAnswer } from '../../fetch/ask-bundle.ts';
import { askForOffer, type OfferQuestion, offerUrls } from '../../fetch/ask-offer.ts';
import { measureServers, type ServersQuestion } from '../../fetch/choose-servers.ts';
import { keepBundle } from '../../fetch/kept-bundle.ts';
import { shellLine, shellQuote } from '../../host/shell-line.ts';
import { deliver, drop, restoreArgv } from '../delivery/deliver.ts';
import type { DeliveredFile, DroppedFile } from '../facts/bundle-facts.ts';
import { kind, onFromAndTo } from './kind.ts';
import { digestCheck, octal, tolerant } from './shell-text.ts';

interface KeepBundle {
  readonly archive: string;
  readonly sha256: string;
  /** Of its manifest: the name of its folder. */
  readonly digest: string;
  /** The best first; the next where one cannot be written. */
  readonly homes: readonly string[];
}

const hostsOf = (urls: readonly string[]): string => urls.map((url) => URL.parse(url)?.host ?? url).join(', ');

/** What this machine is to be and to boot, and the files that come with it. */
export const bundles = {
  'measure-servers': kind<ServersQuestion>({
    located: (step, at) => ({ ...step, to: at(step.to) }),
    describe: ({ urls }) => `measure ${hostsOf(urls)}`,
    // Shows what they say.
    command: ({ urls }) =>
      urls
        .filter((url) => URL.canParse('/', url))
        .map((url) => shellLine(['wget', '-O', '-', new URL('/v1/status', url).href]))
        .join('; '),
    apply: measureServers,
  }),

  'ask-bundle': kind<BundleQuestion>({
    located: (step, at) => ({ ...step, to: at(step.to) }),
    describe: ({ urls }) => `ask ${hostsOf(urls)} what this machine is to be`,
    command: ({ urls, lastUrls = [], to }) =>
      [
        shellLine(['mkdir', '-p', to]),
        ...[...urls, ...lastUrls].map((url, at) => shellLine(['wget', '-O', bundleAnswer(to, at), url])),
      ].join('; '),
    apply: askForBundle,
  }),

  'ask-offer': kind<OfferQuestion>({
    located: (step, at) => ({ ...step, to: at(step.to) }),
    describe: (step) => `ask ${hostsOf(offerUrls(step))} what to boot`,
    // Shows what they say.
    command: (step) =>
      offerUrls(step)
        .map((url) => shellLine(['wget', '-O', '-', url]))
        .join('; '),
    apply: askForOffer,
  }),

  'keep-bundle': kind<KeepBundle>({
    located: (step, at) => ({ ...step, archive: at(step.archive), homes: step.homes.map(at) }),
    describe: ({ homes }) => `keep the bundle in ${homes[0]}`,
    command({ archive, sha256, digest, homes: [home = ''] }) {
      const [fresh, folder] = [`${home}/new`, `${home}/${digest}`];
      return [
        digestCheck(sha256, archive),
        shellLine(['rm', '-rf', fresh, folder]),
        shellLine(['mkdir', '-p', fresh]),
        shellLine(['tar', '--zstd', '-xf', archive, '-C', fresh]),
        shellLine(['mv', '-T', fresh, folder]),
        `echo ${digest} > ${shellQuote(`${home}/current`)}`,
      ].join(' && ');
    },
    async apply(step, host, task) {
      for (const home of step.homes)
        try {
          return await keepBundle(host, home, step);
        } catch (error) {
          task.warn(`the new bundle cannot be kept in ${home}: ${reasonOf(error)}`);
        }
    },
  }),

  deliver: kind<DeliveredFile>({
    located: onFromAndTo,
    describe: ({ to }) => `${to} as the bundle has it`,
    command: ({ from, to, sha256, uid, gid, mode }) =>
      tolerant(to, [
        digestCheck(sha256, from),
        shellLine(['mkdir', '-p', dirname(to)]),
        shellLine(['rm', '-f', to]),
        shellLine(['cp', from, to]),
        shellLine(['chown', `${uid}:${gid}`, to]),
        shellLine(['chmod', octal(mode), to]),
      ]),
    apply: deliver,
  }),

  drop: kind<DroppedFile>({
    located: (step, at) => ({ ...step, path: at(step.path), ...(step.image && { image: at(step.image) }) }),
    describe: ({ path, image }) =>
      `${path}, which no bundle brings any more: ${image ? 'the one of the image' : 'remove it'}`,
    command: ({ path, image }) =>
      tolerant(path, [shellLine(['rm', '-f', path]), ...(image ? [shellLine(restoreArgv(image, path))] : [])]),
    apply: drop,
  }),
};
