/** What rendering one template may use, for all its items, so that none can stop the server. */
export interface Limits {
  /** Size of one rendered file. */
  readonly outputBytes: number;
  /** Size of all files that `each` makes. */
  readonly totalBytes: number;
  /** Tags, outputs and texts that are rendered, those in loops each time. */
  readonly steps: number;
  /** Characters and list items made on the way to one file. */
  readonly memory: number;
  /** Blocks and partials within each other. */
  readonly depth: number;
  /** The last resort: the others end a rendering first, and the same way on every machine. */
  readonly timeMs: number;
  /** Files that one template makes by `each`. */
  readonly files: number;
}

/** What liquidjs says when `memory` is used up. */
export const MEMORY_LIMIT = 'memory alloc limit exceeded';

export const LIMITS: Limits = {
  outputBytes: 1 << 20,
  totalBytes: 16 << 20,
  steps: 1_000_000,
  memory: 8 << 20,
  depth: 100,
  timeMs: 10_000,
  files: 1000,
};

/** Counts what the rendering of one template uses. Its methods throw where a limit is passed. */
export class Budget {
  readonly #limits: Limits;
  readonly #endMs: number;
  #steps = 0;
  #depth = 0;
  #outputBytes = 0;
  #totalBytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#endMs = performance.now() + limits.timeMs;
  }

  step(): void {
    this.#steps += 1;
    if (this.#steps > this.#limits.steps) throw new Error(`more than ${this.#limits.steps} steps: a loop without end?`);
    if (this.#steps % 128 === 0 && performance.now() > this.#endMs)
      throw new Error(`takes longer than ${this.#limits.timeMs / 1000} s`);
  }

  /** Begins a block within the last one, until what it returns is disposed of. */
  enter(): Disposable {
    this.step();
    this.#depth += 1;
    if (this.#depth > this.#limits.depth)
      throw new Error(`nested more than ${this.#limits.depth} deep: does a partial render itself?`);
    return {
      [Symbol.dispose]: () => {
        this.#depth -= 1;
      },
    };
  }

  /** A new file begins. */
  beginFile(): void {
    this.#outputBytes = 0;
  }

  output(text: string): void {
    const bytes = Buffer.byteLength(text);
    this.#outputBytes += bytes;
    this.#totalBytes += bytes;
    if (this.#outputBytes > this.#limits.outputBytes)
      throw new Error(`renders more than ${this.#limits.outputBytes} bytes`);
    if (this.#totalBytes > this.#limits.totalBytes)
      throw new Error(`renders more than ${this.#limits.totalBytes} bytes in all`);
  }
}
