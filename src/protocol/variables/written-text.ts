/**
 * The file as Klipper writes it: `ConfigParser.write` of one section, by name. Whatever was cut off of it is none of this kind, since
 * an empty line is its end. Pure.
 */
export const writtenText = (literals: ReadonlyMap<string, string>): string =>
  `[Variables]\n${[...literals]
    .toSorted(([a], [b]) => compareCodePoints(a, b))
    .map(([name, literal]) => `${name} = ${literal.replaceAll('\n', '\n\t')}\n`)
    .join('')}\n`;

/** As Python compares texts: UTF-8 sorts as code points do, UTF-16 does not. */
const compareCodePoints = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
