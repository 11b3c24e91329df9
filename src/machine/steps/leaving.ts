/** No failure: this boot ends here, since another kernel goes on. */
export class Leaving extends Error {
  readonly how: 'kexec' | 'reboot';

  constructor(how: 'kexec' | 'reboot') {
    super(`this boot ends by ${how}`);
    this.name = 'Leaving';
    this.how = how;
  }
}

/** By its name, as `isStatectlError`. */
export const isLeaving = (error: unknown): error is Leaving => error instanceof Error && error.name === 'Leaving';
