import type { Config } from '../../config/config.ts';

/** What starts a service, by paths of the running system. */
export interface ServiceFacts {
  /** Links that start it at boot, and what they say. */
  readonly enable: Readonly<Record<string, string>>;
  /** Links in /etc by which it is started now. */
  readonly started: readonly string[];
  /** Links that, where they lead to /dev/null, take away what the image says outside of /etc. */
  readonly hide: readonly string[];
  /** Links that, where they lead to /dev/null, keep it off whoever wants it; and those that do so now. */
  readonly mask: readonly string[];
  readonly masked: readonly string[];
}

export interface WantedService {
  readonly name: string;
  readonly state: Config['services']['services'][string];
  /** What config.d names besides. */
  readonly others: readonly string[];
}
