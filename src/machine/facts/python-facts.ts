/** The packages of python.conf. */
export interface PythonFacts {
  /** The folder of the archives, each named by its digest. */
  readonly store: string;
  /** Archives that are not there whole, and whose size a server told. */
  readonly wanted: readonly WantedArchive[];
  /** Files in the store that no package names any more. */
  readonly stale: readonly string[];
  /** Those whose archive was verified and looked through, in the order of python.conf. */
  readonly packages?: readonly PythonPackage[];
  /** What the image has in /etc/conf.d/SERVICE, where OpenRC reads it. */
  readonly serviceSettings?: Readonly<Record<string, string>>;
}

export interface WantedArchive {
  readonly urls: readonly string[];
  readonly sha256: string;
  readonly sizeBytes: number;
}

export type ArchiveFormat = 'tar' | 'tar.gz' | 'tar.xz' | 'zip';

export interface PythonPackage {
  readonly name: string;
  readonly sha256: string;
  readonly format: ArchiveFormat;
  readonly services: readonly string[];
  /** The folder of the system that it is laid over, free of links. */
  readonly overlay?: string;
}
