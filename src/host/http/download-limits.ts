/** Limits of one transfer; the defaults are those of DESIGN: dead after 2 s, stalled after 10 s. */
export interface DownloadLimits {
  readonly connectMs: number;
  readonly stallMs: number;
  /** Rounds over all URLs that bring nothing worth mentioning. */
  readonly tries: number;
}
