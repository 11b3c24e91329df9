import { basename } from 'node:path';
import type { NodePrinter } from '../node-printer.ts';
import type { SnapshotShape } from './check-generation.ts';

type SnapshotItem = Extract<NodePrinter['items'][number], { readonly kind: 'snapshot' }>;

/** What the generations of an item have to have, as config.d says. Pure. */
export const shapeOf = ({ files, tables, with: beside }: SnapshotItem): SnapshotShape => ({
  files,
  tables,
  with: beside.map((path) => basename(path)),
});
