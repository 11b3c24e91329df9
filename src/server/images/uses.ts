import { z } from 'zod';
import type { Config } from '../../config/config.ts';
import { parseInWords } from '../../config/settings/schema-words.ts';
import { entryOf } from '../../entry-of.ts';
import { reasonOf, StatectlError } from '../../error.ts';
import type { Claims } from '../../protocol/claims.ts';
import { lockStore } from '../lock.ts';
import { runsOn } from '../machine.ts';
import { type Store, usesPath } from '../store/store.ts';
import { type ImageName, parseImageName, parseImageReference, sameImage, writeImageName } from './image-name.ts';
import { readImage, resolveImage, type StoredImage } from './image-record.ts';
import { type Selector, selectorsOf, writeSelector } from './selector.ts';

const Chosen = z.string().superRefine((text, context) => {
  try {
    parseImageName(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: reasonOf(error) });
  }
});

const UsesSchema = z.strictObject({
  format: z.literal(1),
  /** NAME@VERSION for machines that no selector matches. */
  default: Chosen.optional(),
  /** From a selector in its normal form to NAME@VERSION. */
  selectors: z.record(z.string(), Chosen),
});

/** `uses.json`: which image boots where. Versions are pinned, so adding an image changes no machine. */
export type Uses = z.infer<typeof UsesSchema>;

export async function readUses(store: Store): Promise<Uses> {
  const path = usesPath(store);
  if ((await store.host.files.stat(path)) === undefined) return { format: 1, selectors: {} };
  try {
    return parseInWords(UsesSchema, JSON.parse(await store.host.files.readText(path)));
  } catch (cause) {
    throw new StatectlError('uses-invalid', `${path} cannot be read: ${reasonOf(cause)}`, {
      cause,
      hint: 'repair or remove it, then choose again with `statectl image use`',
    });
  }
}

const writeUses = (store: Store, uses: Uses): Promise<void> =>
  store.host.files.write(usesPath(store), `${JSON.stringify(uses, null, 2)}\n`);

/** Every choice that names this image: `default`, or a selector. */
export function choicesOf(uses: Uses, image: ImageName): readonly string[] {
  const names = (text: string) => sameImage(parseImageName(text), image);
  const selectors = Object.entries(uses.selectors).flatMap(([selector, text]) => (names(text) ? [selector] : []));
  return [...(uses.default !== undefined && names(uses.default) ? ['default'] : []), ...selectors];
}

/** Lets the machines that the selector matches, or else all others, boot this image from now on. NAME alone: its newest version. */
export async function useImage(store: Store, reference: string, selector?: Selector): Promise<ImageName> {
  await using _lock = await lockStore(store);
  const { name, version } = await resolveImage(store, parseImageReference(reference));
  const uses = await readUses(store);
  const text = writeImageName({ name, version });
  await writeUses(
    store,
    selector === undefined
      ? { ...uses, default: text }
      : { ...uses, selectors: { ...uses.selectors, [writeSelector(selector)]: text } },
  );
  return { name, version };
}

/** Takes a choice back. False when nothing was chosen there. */
export async function releaseChoice(store: Store, choice: Selector | 'default'): Promise<boolean> {
  await using _lock = await lockStore(store);
  const { default: usual, selectors, ...uses } = await readUses(store);
  const key = choice === 'default' ? choice : writeSelector(choice);
  const { [key]: dropped, ...others } = selectors;
  if (choice === 'default') await writeUses(store, { ...uses, selectors });
  else await writeUses(store, { ...uses, default: usual, selectors: others });
  return (choice === 'default' ? usual : dropped) !== undefined;
}

export type Choice =
  | { readonly kind: 'image'; readonly image: StoredImage; readonly chosenBy: string }
  | { readonly kind: 'none'; readonly why: string };

/** An image by its name, NAME or NAME@VERSION, or by a channel; and who says so. */
export interface Wish {
  readonly image?: string;
  readonly channel?: string;
  readonly by: 'the machine' | 'config.d';
}

export const wishOfConfig = ({ image, channel }: Pick<Config['boot'], 'image' | 'channel'>): Wish => ({
  ...(image !== undefined && { image }),
  ...(channel !== undefined && { channel }),
  by: 'config.d',
});

/**
 * The image for a machine: what is wished, else by MAC, then UUID, serial, architecture, and last the default. Says why when
 * there is none.
 */
export async function chooseImage(store: Store, machine: Claims, wish?: Wish): Promise<Choice> {
  if (wish?.image !== undefined) return chooseWanted(store, machine, wish.image, wish.by);
  const uses = await readUses(store);
  if (wish?.channel !== undefined) return chooseByChannel(store, machine, uses, wish.channel);
  const chosenBy = selectorsOf(machine).find((selector) => Object.hasOwn(uses.selectors, selector)) ?? 'default';
  const text = chosenBy === 'default' ? uses.default : entryOf(uses.selectors, chosenBy);
  if (text === undefined) return { kind: 'none', why: 'no selector matches it and no default is set' };
  return chosenVersion(store, machine, text, chosenBy);
}

async function chooseByChannel(store: Store, machine: Claims, uses: Uses, channel: string): Promise<Choice> {
  const selector = writeSelector({ key: 'channel', value: channel });
  const text = entryOf(uses.selectors, selector);
  if (text !== undefined) return chosenVersion(store, machine, text, selector);
  return { kind: 'none', why: `no image is chosen for its channel: statectl image use NAME --for ${selector}` };
}

async function chosenVersion(store: Store, machine: Claims, text: string, chosenBy: string): Promise<Choice> {
  const image = await readImage(store, parseImageName(text));
  if (image === undefined) return { kind: 'none', why: `${text} (${chosenBy}) is not on the server` };
  return fitting(image, machine, chosenBy);
}

/** By name: its kernel command line says so, or config.d. */
async function chooseWanted(store: Store, machine: Claims, wanted: string, by: Wish['by']): Promise<Choice> {
  const name = await resolveImage(store, parseImageReference(wanted)).catch(() => undefined);
  const image = name && (await readImage(store, name));
  if (image === undefined) return { kind: 'none', why: `${by} asks for ${wanted}, which is not on the server` };
  return fitting(image, machine, by);
}

function fitting(image: StoredImage, machine: Claims, chosenBy: string): Choice {
  if (runsOn(image.manifest.arch, machine)) return { kind: 'image', image, chosenBy };
  const why = `${writeImageName(image)} (${chosenBy}) is for ${image.manifest.arch}, this machine is ${machine.arch}`;
  return { kind: 'none', why };
}
