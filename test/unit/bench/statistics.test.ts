import { expect, test } from 'vitest';
import { spreadOf } from '../../../build/bench/statistics.ts';

test('the median of three rounds is the middle one, in whatever order they came', () => {
  expect(spreadOf([30.5, 29, 31])).toEqual({ median: 30.5, min: 29, max: 31 });
});

test('the median of two rounds lies between them', () => {
  expect(spreadOf([8, 10])).toEqual({ median: 9, min: 8, max: 10 });
});

test('one round is its own median', () => {
  expect(spreadOf([7])).toEqual({ median: 7, min: 7, max: 7 });
});

test('without a round there is nothing to say', () => {
  expect(spreadOf([])).toBeUndefined();
});

test('numbers are sorted as numbers', () => {
  expect(spreadOf([100, 9, 20])?.median).toBe(20);
});
