import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { page } from './markdown.ts';
import { callsOf, splitAtCommas, textsIn } from './source-calls.ts';

/** One way in which a code is told. */
interface Said {
  readonly code: string;
  readonly what: string;
  readonly next: string | undefined;
}

type Sources = ReadonlyMap<string, string>;

/** The function around a place, and where it is called. */
interface Around {
  readonly parameters: readonly string[];
  readonly calls: readonly (readonly string[])[];
}

const HEAD =
  /^( *)(export )?(?:async )?(?:const (\w+)(?:: \w+)? = (?:async )?|function (\w+))(?=\()\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)/gm;

function aroundOf(file: string, at: number, sources: Sources): Around {
  const text = sources.get(file) ?? '';
  const [head, indent = '', exported, first, second, list = ''] = [...text.slice(0, at).matchAll(HEAD)].at(-1) ?? [];
  if (head === undefined) return { parameters: [], calls: [] };
  const name = first ?? second ?? '';
  const parameters = splitAtCommas(list)
    .map((parameter) => parameter.split(/[?:=]/)[0]?.trim() ?? '')
    .map((name) => (/^\w+$/.test(name) ? name : '()'));
  // One within a function is known to that alone.
  const from = text.lastIndexOf(head, at);
  const scope = indent === '' ? text : text.slice(from, text.indexOf('\n}', from));
  const imports = new RegExp(`^import [^;]*\\b${name}\\b[^;]* from '[^']*/${basename(file)}';$`, 'm');
  const callers = exported ? [text, ...[...sources.values()].filter((other) => imports.test(other))] : [scope];
  const calls = callers.flatMap((caller) =>
    callsOf(caller, name)
      .filter((call) => !/(?:function|const) $/.test(caller.slice(0, call.at)))
      .map((call) => call.arguments.map((word) => meantBy(word, caller, call.at))),
  );
  return { parameters, calls };
}

/** What a name stands for that was given its value in this file, and what a function of it answers; else the expression itself. */
function meantBy(expression: string, text: string, at: number): string {
  const [, name, call] = /^(\w+)(\([^()]*\))?$/.exec(expression) ?? [];
  if (name === undefined) return expression;
  const made = call ? `(?:function ${name}\\(|const ${name} = \\()` : `const ${name}(?:: [^=\n]+)? =\\s`;
  const places = [...text.matchAll(new RegExp(made, 'g'))];
  const from = (places.findLast(({ index }) => index < at) ?? places[0])?.index;
  if (from === undefined) return expression;
  const [value = expression] = /^function[^]*?\n\}|^[^]*?;\n/.exec(text.slice(from)) ?? [];
  return value;
}

/** What an expression says where the parameters around it are what one call says. */
const saidBy = (expression: string, { parameters }: Around, call: readonly string[]): readonly string[] => {
  const whole = call[parameters.indexOf(expression)];
  if (whole !== undefined) return textsIn(whole);
  const filled = expression.replace(/\$\{(\w+)\}/g, (same, name: string) => {
    const word = call[parameters.indexOf(name)] ?? '';
    return /^['"`]/.test(word) ? (textsIn(word)[0] ?? same) : same;
  });
  return textsIn(filled);
};

const hintIn = (options: string): string => {
  const property = splitAtCommas(options.replace(/^\{|\}$/g, '')).find((part) => /^(?:hint\b|\.\.\.)/.test(part));
  return property?.replace(/^hint\s*:\s*/, '') ?? '';
};

/** Every StatectlError that the sources make: its code, what it says, and what to do next. */
export function errorsIn(sources: Sources): readonly Said[] {
  return [...sources].flatMap(([file, text]) =>
    callsOf(text, 'new StatectlError').flatMap(({ at, arguments: words }) => {
      const around = aroundOf(file, at, sources);
      const own = [words[0] ?? '', words[1] ?? '', hintIn(words[2] ?? '')].map((word) =>
        around.parameters.includes(word) ? word : meantBy(word, text, at),
      );
      const isCalled = own.some((word) => (word.match(/\w+/g) ?? []).some((name) => around.parameters.includes(name)));
      const calls = isCalled && around.calls.length > 0 ? around.calls : [[]];
      return calls.flatMap((call) => {
        const [codes = [], whats = [], nexts = []] = own.map((word) => [...new Set(saidBy(word, around, call))]);
        const next = nexts.length > 0 ? nexts.join(' / ') : undefined;
        return codes
          .filter((code) => CODE.test(code))
          .flatMap((code) =>
            (whats.length > 0 ? whats : ['…']).filter((what) => !CODE.test(what)).map((what) => ({ code, what, next })),
          );
      });
    }),
  );
}

const CODE = /^[a-z][a-z0-9-]+$/;

const sourcesOf = (pattern: string): Sources =>
  new Map(
    globSync(pattern)
      .toSorted()
      .map((path) => [path, readFileSync(path, 'utf8')]),
  );

/** docs/reference/errors.md, out of the source. */
export function errorsPage(): string {
  const byCode = Map.groupBy(errorsIn(sourcesOf('src/**/*.ts')), ({ code }) => code);
  const codes = [...byCode].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return page(
    'Error codes',
    `Each failure says what is wrong and why, and behind \`→\` what to do next. Its code is stable: it stands in the journal and the report
of a boot (\`statectl rescue\`), and in the answers of a server (\`urn:statectl:problem:CODE\`). Words in capitals stand for what is
named there; \`…\` for words of a program, of the kernel or of a file.`,
    ...codes.map(([code, said]) => `## ${code}\n${entries(said)}`),
  );
}

/** What leads to the same next stands together; where one way says more than `…`, that one alone is told. */
function entries(all: readonly Said[]): string {
  const told = all.filter(({ what }) => what !== '…');
  const byNext = Map.groupBy(told.length > 0 ? told : all, ({ next }) => next);
  return [...byNext]
    .map(([next, said]) => {
      const whats = [...new Set(said.map(({ what }) => `* ${what}`))];
      return [...whats, ...(next === undefined ? [] : ['', `→ ${next}`])].join('\n');
    })
    .join('\n\n');
}
