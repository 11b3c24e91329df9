import { type Document, isMap, isScalar, isSeq, parseDocument, stringify } from 'yaml';
import { StatectlError } from '../../error.ts';
import type { Plain, SettingPath } from '../tree.ts';

/**
 * Sets a value in a YAML text, or removes it (undefined). Comments stay, and where a scalar takes the place of a scalar
 * nothing else moves by a letter. Throws `edit-impossible`.
 */
export function editValue(text: string, path: SettingPath, value: Plain | undefined): string {
  const crlf = text.includes('\r\n');
  const plain = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const document = parseDocument(plain, { version: '1.2' });
  if (document.errors.length > 0 || !(document.contents === null || isMap(document.contents) || isEmpty(document)))
    throw impossible('the file has faults: correct them first');
  const edited = inPlace(plain, document, path, value) ?? rewritten(plain, document, path, value);
  return crlf ? edited.replaceAll('\n', '\r\n') : edited;
}

const isEmpty = ({ contents }: Document): boolean => isScalar(contents) && contents.value === null;

function inPlace(text: string, document: Document, path: SettingPath, value: Plain | undefined): string | undefined {
  if (value === undefined || (typeof value === 'object' && value !== null)) return undefined;
  const node = document.hasIn(path) ? document.getIn(path, true) : undefined;
  if (!isScalar(node) || !node.range || node.anchor || node.range[0] === node.range[1]) return undefined;
  if (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED') return undefined;
  // As it would stand within a flow, whose commas and brackets need quotes that a block would not.
  const written = stringify([value], { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).trim();
  return text.slice(0, node.range[0]) + written.slice(1, -1) + text.slice(node.range[1]);
}

function rewritten(text: string, document: Document, path: SettingPath, value: Plain | undefined): string {
  if (value === undefined && !document.hasIn(path)) return text;
  for (let depth = 1; depth < path.length; depth += 1) {
    const above = document.getIn(path.slice(0, depth), true);
    if (isScalar(above) && above.value === null) document.deleteIn(path.slice(0, depth));
    else if (above !== undefined && !isMap(above) && !isSeq(above))
      throw impossible(`${path.slice(0, depth).join('.')} is a value, and has no settings below it`);
  }
  if (isEmpty(document)) document.contents = null;
  if (value === undefined) document.deleteIn(path);
  else document.setIn(path, document.createNode(value));
  return document.toString({ lineWidth: 0, flowCollectionPadding: /\{ /.test(text) || !/\{/.test(text) });
}

const impossible = (why: string): StatectlError =>
  new StatectlError('edit-impossible', why, { hint: 'edit the file with `statectl config edit`' });
