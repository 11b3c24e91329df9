/** `/a/b/c` → `/a`, `/a/b` */
export const foldersAbove = (path: string): readonly string[] =>
  [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index)).filter(Boolean);
