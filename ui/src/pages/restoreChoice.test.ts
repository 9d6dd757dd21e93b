import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Point } from '../api/types';
import { localInput, pointAt } from './restoreChoice';

const points = ['2026-06-01T12:00:00Z', '2026-06-01T11:00:00Z', '2026-06-01T10:00:00Z'].map((instant) => ({ instant, pointId: instant }) as Point);

test('a time means the newest point until then', () => {
  assert.equal(pointAt(points, new Date('2026-06-01T11:59:59Z'))?.pointId, '2026-06-01T11:00:00Z');
  assert.equal(pointAt(points, new Date('2026-06-01T11:00:00Z'))?.pointId, '2026-06-01T11:00:00Z');
  assert.equal(pointAt(points, new Date('2027-01-01T00:00:00Z'))?.pointId, '2026-06-01T12:00:00Z');
  assert.equal(pointAt(points, new Date('2026-06-01T09:59:59Z')), undefined);
});

test('an input shows the time of the reader\'s zone', () => {
  assert.equal(new Date(localInput(new Date('2026-06-01T12:34:56Z'))).toISOString(), '2026-06-01T12:34:56.000Z');
});
