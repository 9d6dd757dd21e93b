import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { ApiError, api, at, listAll, problemOf, whenNotAuthenticated } from './client';

const realFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = realFetch;
  whenNotAuthenticated(() => {});
});

function answer(status: number, body: string, contentType = 'application/problem+json'): Request[] {
  const seen: Request[] = [];
  globalThis.fetch = async (input, init) => {
    seen.push(new Request(new URL(String(input), 'http://appliance.test'), init));
    return new Response(status === 204 ? null : body, { status, headers: { 'content-type': contentType } });
  };
  return seen;
}

async function failureOf(action: Promise<unknown>): Promise<ApiError> {
  const error = await action.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ApiError);
  return error;
}

test('a problem reaches the reader word for word', async () => {
  answer(409, '{"title":"In use","status":409,"code":"conflict","detail":"Policy p uses it.","errors":[{"field":"name","message":"taken"}]}');
  const error = await failureOf(api.delete('/targets/vault'));
  assert.equal(error.code, 'conflict');
  assert.equal(error.message, 'Policy p uses it.');
  assert.equal(error.problem.title, 'In use');
  assert.equal(error.field('name'), 'taken');
});

test('an answer that is no problem still becomes a sentence', () => {
  const problem = problemOf(502, 'text/html', '<h1>Bad gateway</h1>');
  assert.equal(problem.title, 'The target cannot be reached');
  assert.match(problem.detail ?? '', /502/);
  assert.equal(problemOf(500, 'application/json', '{"cut').code, 'failed');
  assert.equal(problemOf(500, 'application/json', '{"message":"x"}').code, 'failed');
});

test('no answer at all is said', async () => {
  globalThis.fetch = () => Promise.reject(new TypeError('fetch failed'));
  const error = await failureOf(api.get('/overview'));
  assert.equal(error.code, 'unreachable');
});

test('401 leads to the login page, but not from the login itself', async () => {
  let called = 0;
  whenNotAuthenticated(() => called++);
  answer(401, '{"title":"Please log in","code":"not-authenticated"}');
  await failureOf(api.get('/containers'));
  assert.equal(called, 1);
  await failureOf(api.post('/session', {}));
  assert.equal(called, 1);
});

test('only requests that change something carry the header against forgery', async () => {
  const seen = answer(200, '{"items":[]}', 'application/json');
  await api.get('/jobs');
  await api.post('/jobs', { kind: 'BACKUP' });
  assert.equal(seen[0]!.headers.get('x-tidemark-request'), null);
  assert.equal(seen[1]!.headers.get('x-tidemark-request'), '1');
  assert.equal(seen[1]!.headers.get('content-type'), 'application/json');
});

test('204 is nothing', async () => {
  answer(204, '');
  assert.equal(await api.delete('/session'), undefined);
});

test('a list is followed to its end', async () => {
  const urls: string[] = [];
  globalThis.fetch = async (input) => {
    urls.push(String(input));
    const body = urls.length === 1 ? { items: [1, 2], next: 'a b' } : { items: [3], next: null };
    return new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json' } });
  };
  assert.deepEqual(await listAll<number>('/jobs?state=FAILED'), [1, 2, 3]);
  assert.deepEqual(urls, ['/api/v1/jobs?state=FAILED&limit=500', '/api/v1/jobs?state=FAILED&limit=500&after=a%20b']);
});

test('names are escaped', () => {
  assert.equal(at('containers', 'a/b c'), '/containers/a%2Fb%20c');
});
