import type { DownloadLimits } from '../../host/http/download-limits.ts';

/** How a machine proves who it is, and where it keeps what it gets for it. */
export interface Enrolling {
  /** Of the servers, in order. */
  readonly urls: readonly string[];
  /** What it claims to be. */
  readonly machine: Readonly<Record<string, string>>;
  readonly trust: 'proven' | 'network';
  /** Certificates (PEM) that may sign for servers, besides those in the initramfs. */
  readonly authorities: readonly string[];
  /** Where its keys are kept; on a disk, or in RAM for this boot alone. */
  readonly home: string;
  readonly isKept: boolean;
  readonly to: string;
  /** Whether its SSH host key is to be signed. */
  readonly hostCertificate: boolean;
  /** Secrets or certificates depend on it: then it is worth a warning when no server enrols. */
  readonly isNeeded: boolean;
  readonly limits: DownloadLimits;
}
