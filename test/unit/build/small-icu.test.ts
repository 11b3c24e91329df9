import { expect, test } from 'vitest';
import { isNeeded } from '../../../build/small-icu.ts';

test('English and what all languages share stays in the ICU data of the binary', () => {
  const kept = ['root.res', 'en.res', 'en_US.res', 'coll/root.res', 'coll/ucadata.icu', 'curr/en_001.res'];
  const shared = ['pool.res', 'curr/pool.res', 'curr/supplementalData.res', 'zoneinfo64.res', 'zone/tzdbNames.res'];
  const structure = ['res_index.res', 'zone/res_index.res', 'numberingSystems.res', 'uts46.nrm', 'icuver.res'];
  for (const item of [...kept, ...shared, ...structure]) expect(isNeeded(item), item).toBe(true);
});

test('other languages, old encodings and whole folders of names go', () => {
  const languages = ['de.res', 'zh_Hant_TW.res', 'coll/de.res', 'zone/ast.res', 'ent.res', 'haw.res'];
  const folders = [
    'lang/en.res',
    'region/root.res',
    'unit/pool.res',
    'brkitr/root.res',
    'translit/root.res',
    'rbnf/en.res',
  ];
  const tables = ['gb18030-2022.cnv', 'rfc3491.spp', 'confusables.cfu', 'unames.icu', 'cnvalias.icu'];
  for (const item of [...languages, ...folders, ...tables]) expect(isNeeded(item), item).toBe(false);
});
