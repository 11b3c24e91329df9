import { COPIES, CURRENT_COPY } from '../../fetch/local-copy.ts';
import { decisionOf } from '../../machine/cycle/cycle-decision.ts';
import { imagesWithoutSlot, planCycle } from '../../machine/cycle/plan-cycle.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { loaderNotes, planLoaders } from '../../machine/loader/loader-steps.ts';
import { RAM_IMAGE } from '../../machine/paths.ts';
import { bootsCopyAlone, chooseSource, imageFile } from '../../machine/places/source.ts';
import type { Step } from '../../machine/steps/step.ts';
import { isUnread } from '../../slots/choose-slot.ts';
import type { Phase } from '../phase.ts';

/**
 * The image, here and verified: nothing fetched or cached is mounted before its digest is that of the signed manifest. Then its
 * attempt is counted, before anything of it can hang.
 */
export const update: Phase = {
  name: 'update',
  rounds: [
    { plan: planUpdate },
    { plan: planCycle },
    {
      gather: async (_host, facts, boot) => {
        for (const note of loaderNotes(facts)) boot.warn(note);
        return {};
      },
      plan: planLoaders,
    },
  ],
  // A damaged image, one that does not come, the other one, and RAM.
  mostTries: 5,
  instead(error, facts) {
    const {
      root: { copy, offer, altered = [], cycle },
    } = facts;
    const source = chooseSource(facts);
    if (error.code === 'image-altered') {
      if (cycle && source.kind === 'copy') return { root: { altered: [...altered, source.manifest.root.sha256] } };
      return copy && offer ? { root: { copy: undefined } } : undefined;
    }
    if (offer && bootsCopyAlone(facts)) return { root: { offer: undefined, offerFailure: error.message } };
    // A disk that is full or broken must not keep an image out of RAM.
    const isDisk = source.kind === 'fetched' && source.kept && !DOWNLOAD_CODES.has(error.code);
    return isDisk ? { root: { copyFailed: true } } : undefined;
  },
};

/** Failures that are the network's or the server's. */
const DOWNLOAD_CODES = new Set(['download-failed', 'download-wrong']);

/** Room in the RAM file system besides the image's own bytes. */
const SLACK_BYTES = 1 << 20;

export function planUpdate(facts: Facts): readonly Step[] {
  const source = chooseSource(facts);
  if (source.kind === 'partition') return [];
  const file = imageFile(source);
  const { sha256, sizeBytes } = source.manifest.root;
  if (source.kind === 'copy') return [{ kind: 'verify', path: file, sha256, sizeBytes }];
  const { connectMs, stallMs, tries } = facts.config.server;
  const fetch: Step = {
    kind: 'fetch',
    urls: source.urls,
    to: file,
    sha256,
    sizeBytes,
    limits: { connectMs, stallMs, tries },
  };
  const decision = decisionOf(facts);
  const { copy, staleCopies = [], unreadableCopies } = facts.root;
  const stale = staleCopies.filter(
    (digest) => digest !== sha256 && !isUnread({ unreadable: unreadableCopies }, digest),
  );
  const dropped = decision ? imagesWithoutSlot(stale, decision) : stale;
  /** The statectl before may boot it until the pointer names another. */
  const droppedLast = copy && (!decision || imagesWithoutSlot([copy.manifest.root.sha256], decision).length > 0);
  if (!source.kept)
    return [
      { kind: 'mkdir', path: RAM_IMAGE },
      {
        kind: 'mount',
        source: 'image',
        target: RAM_IMAGE,
        type: 'tmpfs',
        options: [`size=${sizeBytes + SLACK_BYTES}`, 'mode=700', 'nosuid', 'nodev'],
      },
      fetch,
    ];
  return [
    // What nobody names makes room first.
    ...dropped.map((digest): Step => ({ kind: 'remove', path: `${COPIES}/${digest}` })),
    { kind: 'mkdir', path: source.dir, mode: 0o700 },
    { kind: 'write', path: `${source.dir}/manifest.json`, content: facts.root.offer?.manifestText ?? '' },
    {
      kind: 'write',
      path: `${source.dir}/manifest.json.sig`,
      content: facts.root.offer?.signature ?? '',
      encoding: 'base64',
    },
    fetch,
    // The pointer last: until here a power cut leaves the copy that booted before.
    { kind: 'write', path: `${COPIES}/${CURRENT_COPY}`, content: `${sha256}\n` },
    ...(droppedLast ? [{ kind: 'remove', path: copy.dir } as const] : []),
  ];
}
