import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fittingRange, marks, moved, spanOf, ticks } from './layout';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = new Date(2026, 5, 15, 12, 30).getTime();

test('a point lies in proportion to its time', () => {
  const found = marks([{ id: 'a', time: NOW - DAY / 2, weight: 1 << 20 }], { from: NOW - DAY, to: NOW }, 800, 100, 10);
  assert.deepEqual(found.map((mark) => mark.x), [400]);
});

test('points outside the window are left out, and order does not matter', () => {
  const spots = [
    { id: 'new', time: NOW - HOUR, weight: 1 },
    { id: 'outside', time: NOW - 2 * DAY, weight: 1 },
    { id: 'old', time: NOW - 20 * HOUR, weight: 1 },
  ];
  const found = marks(spots, { from: NOW - DAY, to: NOW }, 800, 100, 10);
  assert.deepEqual(found.map((mark) => mark.ids), [['old'], ['new']]);
});

test('points that cannot be told apart share a mark as tall as the tallest', () => {
  const spots = Array.from({ length: 288 }, (_, i) => ({ id: String(i), time: NOW - i * 5 * 60_000, weight: i === 7 ? 1 << 30 : 4096 }));
  const found = marks(spots, { from: NOW - DAY, to: NOW }, 576, 100, 12);
  assert.equal(found.flatMap((mark) => mark.ids).length, 288);
  assert.ok(found.length <= 48, `${found.length} marks`);
  const tallest = found.reduce((a, b) => (a.height > b.height ? a : b));
  assert.ok(tallest.ids.includes('7'));
  for (let i = 1; i < found.length; i++) {
    assert.ok(found[i]!.x > found[i - 1]!.x);
  }
});

test('height grows with the weight and stays in its room', () => {
  const spots = [0, 1, 4096, 1 << 20, 2 ** 30, 2 ** 50].map((weight, i) => ({ id: String(i), time: NOW - (9 - i) * HOUR, weight }));
  const heights = marks(spots, { from: NOW - DAY, to: NOW }, 800, 100, 10).map((mark) => mark.height);
  assert.equal(heights.length, 6);
  assert.ok(heights.every((height) => height > 0 && height <= 100));
  assert.deepEqual([...heights].sort((a, b) => a - b), heights);
  assert.equal(heights[5], 100);
});

test('all begins before the oldest point', () => {
  const span = spanOf('all', NOW, NOW - 10 * DAY);
  assert.ok(span.from < NOW - 10 * DAY && span.from > NOW - 11 * DAY);
  assert.ok(spanOf('all', NOW, undefined).from < NOW);
  assert.ok(spanOf('all', NOW, NOW).from < NOW - HOUR / 2);
});

test('ticks are round, apart and inside', () => {
  for (const range of ['day', 'week', 'month'] as const) {
    const span = spanOf(range, NOW, undefined);
    const found = ticks(span, 900, 70);
    assert.ok(found.length >= 3 && found.length <= 13, `${range}: ${found.length}`);
    for (const [i, tick] of found.entries()) {
      assert.ok(tick.x >= 0 && tick.x <= 900);
      assert.equal(new Date(tick.time).getMinutes(), 0);
      if (i > 0) {
        assert.ok(tick.x - found[i - 1]!.x > 50, `${range}: ${tick.label}`);
      }
    }
  }
});

test('ticks of ten years are few', () => {
  assert.ok(ticks({ from: NOW - 3650 * DAY, to: NOW }, 900, 70).length <= 12);
});

test('the first range shows something', () => {
  assert.equal(fittingRange([], NOW), 'day');
  assert.equal(fittingRange([NOW - HOUR], NOW), 'all');
  assert.equal(fittingRange([1, 2, 3, 4].map((hours) => NOW - hours * HOUR), NOW), 'all');
  assert.equal(fittingRange([1, 5, 9, 20].map((hours) => NOW - hours * HOUR), NOW), 'day');
  assert.equal(fittingRange([NOW - 90 * DAY], NOW), 'all');
  assert.equal(fittingRange([2, 3, 4, 5].map((days) => NOW - days * DAY), NOW), 'week');
});

test('keys move the choice and stop at the ends', () => {
  assert.equal(moved('ArrowLeft', 0, 5), 0);
  assert.equal(moved('ArrowRight', 0, 5), 1);
  assert.equal(moved('ArrowRight', 4, 5), 4);
  assert.equal(moved('End', 0, 5), 4);
  assert.equal(moved('x', 2, 5), undefined);
});
