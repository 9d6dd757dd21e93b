import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from './json';

test('null is absent, all the way down', () => {
  assert.deepEqual(parse('{"a":null,"b":{"c":null,"d":0},"e":[{"f":null}]}'), { b: { d: 0 }, e: [{}] });
});
