import { globSync, readFileSync } from 'node:fs';
import { apiPages } from './api.ts';
import { errorsPage } from './error-codes.ts';
import { factsPage } from './facts.ts';
import { settingsPages } from './settings.ts';
import { stepsPage } from './steps.ts';
import { withTables } from './tables.ts';

/** docs/reference as it has to be, by path: what is made whole, and what people wrote with its tables made anew. */
export function referencePages(): ReadonlyMap<string, string> {
  const whole = new Map([
    ...settingsPages(),
    ...apiPages(),
    ['docs/reference/errors.md', errorsPage()],
    ['docs/reference/steps.md', stepsPage()],
    ['docs/reference/facts.md', factsPage()],
  ]);
  const written = globSync('docs/reference/*.md').filter((path) => !whole.has(path));
  return new Map([...written.map((path) => [path, withTables(readFileSync(path, 'utf8'))] as const), ...whole]);
}
