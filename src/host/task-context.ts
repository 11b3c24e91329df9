/** What a gathering may need besides the host: a way to tell the operator, and the signal that ends a wait. */
export interface TaskContext {
  readonly say: (text: string) => void;
  /** Said at once, kept for `statectl status` and the report. */
  readonly warn: (text: string) => void;
  readonly signal: AbortSignal;
}
