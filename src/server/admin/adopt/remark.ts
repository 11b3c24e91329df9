/** Something that is not taken, or that a person should look at, and why. */
export interface Remark {
  readonly what: string;
  readonly why: string;
}
