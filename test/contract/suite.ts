import type { Host } from '../../src/host/host.ts';
import type { Server } from '../../src/host/memory/http.ts';
import { clockSentences } from './suite/clock.ts';
import { execSentences } from './suite/exec.ts';
import { fileSentences } from './suite/files.ts';
import { folderSentences } from './suite/folders.ts';
import { httpSentences } from './suite/http.ts';

/** What a sentence may use; every sentence gets a world of its own. */
export interface World {
  readonly host: Host;
  /** Empty folder. */
  readonly dir: string;
  /** Folder with one special file of each type, named after it: `char` 1:3, `block` 7:300, `fifo`, `socket`. */
  readonly specials: string;
  /** More than fits into `dir`. */
  readonly tooManyBytes: number;
  /** Answers at the origin that it gives; a second server has a second origin. */
  serve(server: Server): Promise<string>;
  /** Nothing listens there. */
  readonly deadOrigin: string;
}

/** A promise of the ports that every host keeps. Checked with node:assert, since the kernel's half runs without vitest. */
export interface Sentence {
  readonly title: string;
  readonly check: (world: World) => Promise<void>;
}

export const sentences: readonly Sentence[] = [
  ...fileSentences,
  ...folderSentences,
  ...execSentences,
  ...httpSentences,
  ...clockSentences,
];

/** What mkdir(1) and mv(1) do otherwise than the kernel's calls, and what speaks of files that are root's. */
const NOT_OF_AN_OWNER = /: (?:stat tells|appendStream|rename refuses|mkdir makes)/;

/** Of files that are changed with the rights of an account. */
export const ownerSentences: readonly Sentence[] = [...fileSentences, ...folderSentences].filter(
  ({ title }) => !NOT_OF_AN_OWNER.test(title),
);
