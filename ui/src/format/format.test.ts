import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes } from './bytes';
import { duration, relative, span } from './time';

const now = new Date('2026-06-01T12:00:00Z');
const ago = (seconds: number) => relative(new Date(now.getTime() - seconds * 1000), now);

test('sizes are in powers of 1024', () => {
  assert.equal(bytes(0), '0 B');
  assert.equal(bytes(1023), '1023 B');
  assert.equal(bytes(1024), '1 KiB');
  assert.equal(bytes(1536), '1.5 KiB');
  assert.equal(bytes(20 * 2 ** 30), '20 GiB');
  assert.equal(bytes(1024 * 1024 - 1), '1 MiB');
  assert.equal(bytes(123.4 * 2 ** 20), '123 MiB');
  assert.equal(bytes(5000 * 2 ** 50), '5000 PiB');
});

test('times are told in the largest fitting unit', () => {
  assert.equal(ago(0), 'just now');
  assert.equal(ago(-5), 'just now');
  assert.equal(ago(42), '42 seconds ago');
  assert.equal(ago(60), '1 minute ago');
  assert.equal(ago(299), '4 minutes ago');
  assert.equal(ago(3600), '1 hour ago');
  assert.equal(ago(47 * 3600), '47 hours ago');
  assert.equal(ago(5 * 86400), '5 days ago');
  assert.equal(ago(100 * 86400), '3 months ago');
  assert.equal(ago(800 * 86400), '2 years ago');
  assert.equal(ago(-7200), 'in 2 hours');
});

test('durations', () => {
  assert.equal(duration(0.01), 'under 0.1 s');
  assert.equal(duration(0.44), '0.4 s');
  assert.equal(duration(3), '3 s');
  assert.equal(duration(59.4), '59 s');
  assert.equal(duration(200), '3 min 20 s');
  assert.equal(duration(7500), '2 h 5 min');
});

test('spans keep the unit they were meant in', () => {
  assert.equal(span(300), '5 minutes');
  assert.equal(span(3600), '1 hour');
  assert.equal(span(90), '90 seconds');
  assert.equal(span(7 * 86400), '7 days');
});
