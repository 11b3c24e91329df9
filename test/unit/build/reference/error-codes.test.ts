import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { errorsIn, errorsPage } from '../../../../build/reference/error-codes.ts';

const said = (files: Readonly<Record<string, string>>) => errorsIn(new Map(Object.entries(files)));

it('each error code that the source says, in whatever way, is in the reference', () => {
  const page = errorsPage();
  const codes = globSync('src/**/*.ts')
    .map((path) => readFileSync(path, 'utf8'))
    .flatMap((text) => [...text.matchAll(/\bnew StatectlError\(\s*'([a-z0-9-]+)'/g)].map(([, code]) => code));
  expect(codes.length).toBeGreaterThan(200);
  for (const code of codes) expect(page).toContain(`\n## ${code}\n`);
});

it('an error is told as a person reads it: names of values in capitals, words of others as …, and what to do next', () => {
  expect(
    said({
      'a.ts': `function f(path: string) {
  throw new StatectlError('key-exposed', \`\${printableLine(path)} can be read by others (mode \${octal(mode)})\`, {
    cause,
    hint: isOld ? 'make a new one, e.g. with a, b (c)' : \`chmod 600 \${path}\`,
  });
}
throw new StatectlError('it-failed', \`no: \${reasonOf(cause)}\`);
`,
    }),
  ).toEqual([
    {
      code: 'key-exposed',
      what: 'PATH can be read by others (mode MODE)',
      next: 'make a new one, e.g. with a, b (c) / chmod 600 PATH',
    },
    { code: 'it-failed', what: 'no: …', next: undefined },
  ]);
});

it('what a function is called with is what it says, also where another file calls it, and no other of that name', () => {
  const files = {
    'x/http.ts': `export const fail = (code: string, what: string, hint: string): StatectlError =>
  new StatectlError(code, \`\${url}: \${what}\`, { hint });
`,
    'x/a.ts': `import { fail } from './http.ts';\nthrow fail('too-late', 'it took too long', 'ask again');\n`,
    'x/b.ts': `const fail = (code: string) => {};\nfail('not-an-error');\n`,
  };
  expect(said(files)).toEqual([{ code: 'too-late', what: 'URL: it took too long', next: 'ask again' }]);
});

it('brackets, quotes and commas in strings, templates, comments and patterns end nothing', () => {
  const text = `new StatectlError(
    'odd-words', // it's (not
    "a ) and ', and",
    { hint: text.replace(/[)',]/g, '') && \`say \${x ? "}" : ')'} (so, or not)\` },
  );`;
  expect(said({ 'a.ts': text })).toEqual([{ code: 'odd-words', what: "a ) and ', and", next: 'say … (so, or not)' }]);
});
