import { describe, expect, it } from 'vitest';
import { parseRecord, parseRecords, recordOrNone } from '../../../src/host/record.ts';

interface Made {
  readonly name: string;
  readonly atMs: number;
  readonly parts: readonly string[];
  readonly of?: { readonly a: number };
  readonly isWhole?: boolean;
}
const SHAPE = { name: 'text', atMs: 'number', parts: 'list' } as const;
const WHOLE = { name: 'x', atMs: 1, parts: [] };

describe('a record that this program wrote', () => {
  it('is as it was written, with what another version has besides', () => {
    expect(parseRecord<Made>(JSON.stringify({ ...WHOLE, later: [1] }), SHAPE)).toEqual({ ...WHOLE, later: [1] });
    expect(parseRecord<Made>(JSON.stringify(WHOLE), {})).toEqual(WHOLE);
  });

  it.each([
    ['{"name":"x","atMs":1,"par', /^is no JSON: /],
    ['', /^is no JSON: /],
    ['\0\0\0\0', /^is no JSON: /],
    ['null', 'is no record'],
    ['[]', 'is no record'],
    ['"text"', 'is no record'],
    ['{"name":"x","atMs":1}', 'has no "parts" as this version has'],
    ['{"name":"x","atMs":"1","parts":[]}', 'has no "atMs" as this version has'],
    ['{"name":null,"atMs":1,"parts":[]}', 'has no "name" as this version has'],
    ['{"name":"x","atMs":1,"parts":{}}', 'has no "parts" as this version has'],
    ['{"__proto__":{"name":"x","atMs":1,"parts":[]}}', 'has no "name" as this version has'],
  ])('torn or of another version is none: %j', (text, why) => {
    expect(() => parseRecord<Made>(text, SHAPE)).toThrow(why);
    expect(recordOrNone<Made>(text, SHAPE)).toBeUndefined();
  });

  it('may have a mapping and a flag', () => {
    const text = JSON.stringify({ ...WHOLE, of: { a: 1 }, isWhole: false });
    expect(recordOrNone<Made>(text, { of: 'mapping', isWhole: 'flag' })).toMatchObject({ of: { a: 1 } });
    expect(recordOrNone<Made>(JSON.stringify({ ...WHOLE, of: [] }), { of: 'mapping' })).toBeUndefined();
  });

  it('that is not there is none', () => {
    expect(recordOrNone<Made>(undefined, SHAPE)).toBeUndefined();
  });

  it('in a list counts with all of the list, since they stand for one another by their places', () => {
    expect(parseRecords<Made>(JSON.stringify([WHOLE, WHOLE]), SHAPE)).toHaveLength(2);
    for (const text of [JSON.stringify([WHOLE, { name: 'x' }]), JSON.stringify(WHOLE), '[7]'])
      expect(() => parseRecords<Made>(text, SHAPE)).toThrow('is no list of records');
    expect(() => parseRecords<Made>('[', SHAPE)).toThrow('is no JSON');
  });
});
