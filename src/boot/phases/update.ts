import { COPIES, CURRENT_COPY } from '../../fetch/local-copy.ts';
import { decisionOf } from '../../machine/cycle/cycle-decision.ts';
import { imagesWithoutSlot, planCycle } from '../../machine/cycle/plan-cycle.ts';
import { planBackup, planFill } from '../../machine/cycle/plan-fill.ts';
import { planSending, withoutWay } from '../../machine/cycle/plan-sending.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import type { SlotPlace } from '../../machine/facts/root-facts.ts';
import { loaderNotes, planLoaders } from '../../machine/loader/loader-steps.ts';
import { RAM_IMAGE } from '../../machine/paths.ts';
import { bootsCopyAlone, chooseSource, imageFile, type Source } from '../../machine/places/source.ts';
import type { Step } from '../../machine/steps/step.ts';
import { isUnread } from '../../slots/choose-slot.ts';
import { SLOTS } from '../../slots/cycle-state.ts';
import { LIST_NAME, placeName } from '../../slots/image-place.ts';
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
  instead(error, facts, step) {
    const sent = withoutWay(error, facts, step);
    if (sent) return sent;
    const { root } = facts;
    const { copy, offer, altered = [], cycle } = root;
    const source = chooseSource(facts);
    const { choice, refresh } = (cycle && decisionOf(facts)) ?? {};
    // What the disk does not give cannot be booted either. A copy that fails so is another matter: its source may be whole.
    const isUnreadable =
      error.code === 'disk-failed' &&
      source.kind === 'copy' &&
      source.device !== undefined &&
      !source.clone &&
      !refresh;
    if (error.code === 'image-altered' || isUnreadable) {
      if (cycle && source.kind === 'copy') return { root: { altered: [...altered, nameOf(facts, source)] } };
      return copy && offer ? { root: { copy: undefined } } : undefined;
    }
    // A copy from slot to slot is worth no boot: the source is there, and was right a moment ago.
    if (choice?.kind === 'clone' || (refresh && !root.noCopies)) return { root: { noCopies: true } };
    if (offer && bootsCopyAlone(facts)) return { root: { offer: undefined, offerFailure: error.message } };
    // A disk that is full or broken must not keep an image out of RAM.
    const isDisk = source.kind === 'fetched' && source.kept && !DOWNLOAD_CODES.has(error.code);
    return isDisk ? { root: { copyFailed: true } } : undefined;
  },
};

/** As decisions call the image that was read. */
function nameOf({ root }: Facts, { manifest, device, clone }: Extract<Source, { kind: 'copy' }>): string {
  const { sha256 } = manifest.root;
  const from = clone ? clone.from.device : device;
  const slot = SLOTS.find((each) => from !== undefined && root.slots?.[each]?.device === from);
  return slot ? placeName(slot, sha256) : sha256;
}

/** Failures that are the network's or the server's. */
const DOWNLOAD_CODES = new Set(['download-failed', 'download-wrong']);

/** Room in the RAM file system besides the image's own bytes. */
const SLACK_BYTES = 1 << 20;

export function planUpdate(facts: Facts): readonly Step[] {
  // The image that the kernel here boots was found damaged, and the other system has its own.
  const sending = planSending(facts);
  if (sending.length > 0) return sending;
  const source = chooseSource(facts);
  if (source.kind === 'partition') return [];
  const file = imageFile(source);
  const { sha256, sizeBytes } = source.manifest.root;
  if (source.kind === 'copy' && source.clone) return planFill(facts, source.clone.from, source.clone.into);
  if (source.kind === 'copy') {
    const list = source.unpacked && source.manifest.fileList;
    if (list && source.device !== undefined) {
      const { sha256: digest, sizeBytes: bytes } = list;
      const tree = { device: source.device, dir: source.dir, list: { sha256: digest, sizeBytes: bytes } };
      return [{ kind: 'verify-tree', ...tree }, ...planBackup(facts)];
    }
    const on = source.device === undefined ? {} : ({ on: 'partition' } as const);
    return [{ kind: 'verify', path: file, sha256, sizeBytes, ...on }, ...planBackup(facts)];
  }
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
  if (source.into) return planPartition(facts, source, source.into, fetch);
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
    ...planStore(source, facts.root.offer),
    fetch,
    // The pointer last: until here a power cut leaves the copy that booted before.
    { kind: 'write', path: `${COPIES}/${CURRENT_COPY}`, content: `${sha256}\n` },
    ...(droppedLast ? [{ kind: 'remove', path: copy.dir } as const] : []),
  ];
}

type Fetched = Extract<Source, { kind: 'fetched' }>;

/** The folder of an image in the store, with what was signed. */
const planStore = ({ dir }: Fetched, offer: Facts['root']['offer']): readonly Step[] => [
  { kind: 'mkdir', path: dir, mode: 0o700 },
  { kind: 'write', path: `${dir}/manifest.json`, content: offer?.manifestText ?? '' },
  { kind: 'write', path: `${dir}/manifest.json.sig`, content: offer?.signature ?? '', encoding: 'base64' },
];

/** A tree is made and judged by the list of its image's files. */
function planList(
  { config, root: { offer } }: Facts,
  { dir, manifest }: Fetched,
  { form }: SlotPlace,
): readonly Step[] {
  const { fileList: list } = manifest;
  if (form !== 'tree' || !list || !offer) return [];
  const { blobs = [], rootUrls } = offer;
  const { connectMs, stallMs, tries } = config.server;
  const urls =
    blobs.length > 0
      ? blobs.map((folder) => new URL(list.sha256, folder).href)
      : rootUrls.map((url) => new URL(list.file, url).href);
  const { sha256, sizeBytes } = list;
  const limits = { connectMs, stallMs, tries };
  return [{ kind: 'fetch', urls, to: `${dir}/${LIST_NAME}`, sha256, sizeBytes, limits }];
}

/** What is fetched goes through the store, where a download that was cut goes on; once it is on its partition, nobody needs it there. */
function planPartition(facts: Facts, source: Fetched, into: SlotPlace, fetch: Step): readonly Step[] {
  const { offer, staleCopies = [], slots } = facts.root;
  const { dir, manifest } = source;
  // Of a machine that had its systems there, they go once one is on a partition.
  const isMoved = SLOTS.some((slot) => slots?.[slot]?.whole);
  const stale = isMoved ? staleCopies.filter((digest) => digest !== manifest.root.sha256) : [];
  return [
    ...stale.map((digest): Step => ({ kind: 'remove', path: `${COPIES}/${digest}` })),
    ...(offer ? [...planStore(source, offer), ...planList(facts, source, into), fetch] : []),
    ...planFill(facts, { dir, manifest }, into),
    { kind: 'remove', path: dir },
  ];
}
