import { isCommandLine } from '../../config/command-line/command-line.ts';
import { entryOf } from '../../entry-of.ts';
import { isMapping, parseRecord } from '../../host/record.ts';
import type { Facts } from './facts.ts';
import { type FoundFacts, GROUPS, NO_FACTS } from './found-facts.ts';

/** What one look of a boot found, and how far it came from there. */
export interface LookRecord {
  /** Its name in the story. */
  readonly phase: string;
  /** From 0; -1: what a boot that goes on began with. */
  readonly round: number;
  /** What changed. */
  readonly found: FoundFacts;
  /** How many of its steps were done, where one failed. */
  readonly done?: number;
}

/** Facts as a boot keeps them, with the looks that led to them: each is planned by what was known then. */
export type RecordedFacts = Facts & { readonly looks?: readonly LookRecord[] };

/** Of a boot that came past its first phase. Throws why they are none, for a sentence that begins with the file's name. */
export const parseBegunFacts = (text: string): RecordedFacts =>
  checked(parseRecord<RecordedFacts>(text, { commandLine: 'mapping' }));

/** The same of a boot that came past its config phase. */
export const parseFacts = (text: string): RecordedFacts =>
  checked(parseRecord<RecordedFacts>(text, { commandLine: 'mapping', config: 'mapping', machine: 'mapping' }));

/** Facts of an earlier version have the command line as text, or no groups; a person may have edited them and the looks. */
function checked(facts: RecordedFacts): RecordedFacts {
  const { commandLine, looks = [] } = facts;
  if (!isCommandLine(commandLine)) throw new Error('has no "commandLine" as this version has');
  const known = { ...facts };
  const wrong = Object.keys(NO_FACTS).find((group) => !isMapping(entryOf(known, group))) ?? unlikeGroup(known);
  if (wrong) throw new Error(`has no "${wrong}" as this version has`);
  if (!Array.isArray(looks) || !looks.every(isLook)) throw new Error('has no "looks" as this version has');
  return facts;
}

const isLook = (value: unknown): boolean => {
  const { phase, found } = Object(value) as Partial<LookRecord>;
  return typeof phase === 'string' && isMapping(found) && unlikeGroup(found) === undefined;
};

/** A group that is there and is none. */
const unlikeGroup = (found: Readonly<Record<string, unknown>>): string | undefined =>
  GROUPS.find((group) => Object.hasOwn(found, group) && !isMapping(entryOf(found, group)));
