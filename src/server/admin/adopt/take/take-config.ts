import { StatectlError } from '../../../../error.ts';
import type { HistoryRemark } from '../../../state/git/take-history.ts';
import { mustBeLine, type TakenPrinter, type Taking } from './taking.ts';

/** Its files, as a commit of the printer's, on the history that they have at the host where that can be taken. */
export async function takeConfig({ found, context, item, standing, miss }: Taking): Promise<TakenPrinter['config']> {
  const { files, mtimeMs, isWhole, history } = found.config;
  const { name: printer } = found;
  const { asker, onBytes } = context;
  const { git } = context.state;
  const line = standing.base === null ? undefined : await git.files(printer, item, undefined, asker);
  const known = new Map((line?.files ?? []).map(({ path, content }) => [path, content]));
  const changed = [...files].flatMap(([path, bytes]) => {
    const content = bytes.toString('base64');
    return known.get(path) === content ? [] : [{ path, content, mtimeMs }];
  });
  // What printers share below common/ is nobody's to delete here.
  const isShared = (path: string): boolean => path.startsWith('common/');
  const gone = !isWhole ? [] : [...known.keys()].filter((path) => !files.has(path) && !isShared(path));
  const changes = [...changed, ...gone.map((path) => ({ path, content: null, mtimeMs }))];
  const base = line?.id ?? null;
  const ship = async (bundle?: Buffer): Promise<readonly HistoryRemark[]> => {
    const { notNamed = [], ...taken } = await git.ship(
      ...([printer, item, standing, asker, { base, files: changes }, bundle] as const),
    );
    mustBeLine(printer, taken);
    return notNamed;
  };
  const stays = (why: string) => miss('the history of its config', `it stays there: ${why}`);
  const isKnown = history && (await git.hasHistory(printer, item, history));
  if (history && !isKnown) {
    const bundle = await history.read();
    if (bundle === undefined) stays('it is larger than what is taken');
    else {
      onBytes(bundle.length);
      try {
        for (const { ref, why } of await ship(bundle)) miss(ref, why);
        return { changed: changes.length, commits: history.commits };
      } catch (error) {
        if (!(error instanceof StatectlError) || error.code !== 'history-unfit') throw error;
        stays(error.message);
      }
    }
  }
  if (changes.length > 0) await ship();
  return { changed: changes.length, ...(isKnown && { commits: history.commits }) };
}
