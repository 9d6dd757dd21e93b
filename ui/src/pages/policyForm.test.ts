import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Policy } from '../api/types';
import { bodyOf, emptyForm, formOf, isReady, policyOf, retentionWords } from './policyForm';

const policy: Policy = {
  name: 'p', containers: ['web'], target: 'vault', enabled: true, createdAt: '2026-01-01T00:00:00Z', sentence: 'At 02:30',
  schedule: { kind: 'CRON', cron: '30 2 * * *', zone: 'Europe/Berlin', jitterSeconds: 5, missed: 'SKIP' },
  retention: { daily: 30, withinSeconds: 7 * 86_400 },
};

test('a policy survives the way through the dialog', () => {
  assert.deepEqual(policyOf(formOf(policy, 'UTC')), bodyOf(policy));
});

test('what only the appliance sets is not sent back', () => {
  assert.deepEqual(Object.keys(bodyOf(policy)).sort(), ['containers', 'enabled', 'name', 'retention', 'schedule', 'target']);
});

test('a dialog is ready when it has everything', () => {
  const form = emptyForm('UTC');
  assert.equal(isReady(form), false);
  assert.equal(isReady({ ...form, name: 'p', containers: ['web'], target: 'vault' }), true);
  assert.equal(isReady({ ...form, name: 'p', containers: ['web'], target: 'vault', minutes: '0' }), false);
});

test('retention in words', () => {
  assert.equal(retentionWords(policy.retention), '30 daily, all of 7 days');
  assert.equal(retentionWords({ last: 3 }), 'newest 3');
  assert.equal(retentionWords({}), 'everything');
});
