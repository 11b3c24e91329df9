import { isCommandLine } from '../../config/command-line/command-line.ts';
import { parseRecord } from '../../host/record.ts';
import type { Facts } from './facts.ts';
import type { FoundFacts } from './found-facts.ts';

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

const GROUPED = {
  network: 'mapping',
  servers: 'mapping',
  bundle: 'mapping',
  root: 'mapping',
  system: 'mapping',
} as const;

/** Of a boot that came past its first phase. Throws why they are none, for a sentence that begins with the file's name. */
export const parseBegunFacts = (text: string): RecordedFacts =>
  checked(parseRecord<RecordedFacts>(text, { commandLine: 'mapping', ...GROUPED }));

/** The same of a boot that came past its config phase. */
export const parseFacts = (text: string): RecordedFacts =>
  checked(
    parseRecord<RecordedFacts>(text, { commandLine: 'mapping', config: 'mapping', machine: 'mapping', ...GROUPED }),
  );

/** Facts of an earlier version have the command line as text; a person may have edited the looks. */
function checked(facts: RecordedFacts): RecordedFacts {
  const { commandLine, looks = [] } = facts;
  if (!isCommandLine(commandLine)) throw new Error('has no "commandLine" as this version has');
  if (!Array.isArray(looks) || !looks.every(isLook)) throw new Error('has no "looks" as this version has');
  return facts;
}

const isLook = (value: unknown): boolean => {
  const { phase, found } = Object(value) as Partial<LookRecord>;
  return typeof phase === 'string' && typeof found === 'object' && found !== null;
};
