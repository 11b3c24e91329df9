/** Which of several kernels of a tree an image boots: the plain one of the newest version. */

/** Names of kernels for few: to find faults, with other timing, for one kind of machine, with another size of pages. */
const SPECIAL =
  /^(debug|dbg|kasan|kcsan|kmsan|lockdep|trace|test|next|experimental|rt\d*|realtime|preempt|lowlatency|zen|hardened|cloud|kvm|kvmsmall|virt|azure\d*|aws|gcp|gke|ibm|oracle|oem|nvidia|xen|zfcpdump|crash|kdump|rescue|16k|64k|64kb|2712)$/;

interface Named {
  /** `6.8.0`. */
  readonly version: readonly number[];
  /** The number of a release candidate; infinite for what was released. */
  readonly candidate: number;
  /** What the distribution counts: `31` in `6.8.0-31-generic`. */
  readonly build: readonly number[];
  /** How many of its words say that it is special, and how many words it has. */
  readonly special: number;
  readonly words: number;
}

function nameOf(release: string): Named {
  const [start = ''] = /^\d+(\.\d+)*/.exec(release) ?? [];
  const candidate = /(?<![a-z])rc(\d+)/i.exec(release)?.[1];
  const rest = release
    .slice(start.length)
    .split(/[-+.~_]/)
    .filter((word) => word !== '' && !/^rc\d+$/i.test(word));
  const build = rest.findIndex((word) => !/^\d+$/.test(word));
  return {
    version: start.split('.').map(Number),
    candidate: candidate === undefined ? Number.POSITIVE_INFINITY : Number(candidate),
    build: rest.slice(0, build < 0 ? rest.length : build).map(Number),
    special: rest.filter((word) => SPECIAL.test(word.toLowerCase())).length,
    words: rest.length,
  };
}

/** A missing number is 0: `6.8` is `6.8.0`. */
function compareNumbers(one: readonly number[], other: readonly number[]): number {
  for (let index = 0; index < Math.max(one.length, other.length); index += 1) {
    const difference = (one[index] ?? 0) - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Sorts releases (`uname -r`): newer versions first, releases before their candidates, of one version the plain kernel. */
export function preferredFirst(one: string, other: string): number {
  const [a, b] = [nameOf(one), nameOf(other)];
  return (
    compareNumbers(b.version, a.version) ||
    (a.candidate === b.candidate ? 0 : b.candidate > a.candidate ? 1 : -1) ||
    compareNumbers(b.build, a.build) ||
    a.special - b.special ||
    a.words - b.words ||
    other.localeCompare(one, 'en', { numeric: true })
  );
}
