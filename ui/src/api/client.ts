import { parse } from './json';
import type { Page, Problem } from './types';

const BASE = '/api/v1';

/** A request that the appliance refused, or that never reached it. The sentences are meant for the reader as they are. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
    this.name = 'ApiError';
  }

  get code(): string {
    return this.problem.code;
  }

  /** What is wrong with one field of a form, if the appliance said so. */
  field(name: string): string | undefined {
    return this.problem.errors?.find((error) => error.field === name)?.message;
  }
}

const TITLES: Record<number, string> = {
  401: 'Please sign in',
  403: 'Not permitted',
  404: 'Not found',
  409: 'Busy or in conflict',
  413: 'Too large',
  429: 'Too many requests',
  502: 'The target cannot be reached',
  503: 'Not available at the moment',
};

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'title' in body && 'code' in body;
}

/** Turns any answer that is not a success into a problem with words, also one that a proxy in between made up. */
export function problemOf(status: number, contentType: string, text: string): Problem {
  if (contentType.includes('json')) {
    try {
      const body: unknown = parse(text);
      if (isProblem(body)) {
        return body;
      }
    } catch {
      // Cut off on the way: the status is all there is.
    }
  }
  return {
    title: TITLES[status] ?? 'The appliance could not do that',
    status,
    code: 'failed',
    detail: `The answer had status ${status} and no explanation. The appliance's log may say more.`,
  };
}

export const UNREACHABLE: Problem = {
  title: 'The appliance does not answer',
  code: 'unreachable',
  detail: 'It may be restarting, or the network may be down. Containers and their disks are not affected by that.',
};

let onNotAuthenticated: () => void = () => {};

/** Called whenever an answer says that nobody is logged in (any more). */
export function whenNotAuthenticated(action: () => void): void {
  onNotAuthenticated = action;
}

async function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (method !== 'GET') {
    headers['X-Tidemark-Request'] = '1';
  }
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
  }
  let response: Response;
  let text: string;
  try {
    response = await fetch(BASE + path, {
      method,
      headers,
      credentials: 'same-origin',
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    text = await response.text();
  } catch {
    throw new ApiError(UNREACHABLE);
  }
  if (!response.ok) {
    const problem = problemOf(response.status, response.headers.get('content-type') ?? '', text);
    if (response.status === 401 && path !== '/session') {
      onNotAuthenticated();
    }
    throw new ApiError(problem);
  }
  return (text === '' ? undefined : parse(text)) as T;
}

export const api = {
  get: <T>(path: string) => send<T>('GET', path),
  post: <T>(path: string, body?: unknown) => send<T>('POST', path, body),
  put: <T>(path: string, body: unknown) => send<T>('PUT', path, body),
  patch: <T>(path: string, body: unknown) => send<T>('PATCH', path, body),
  delete: (path: string) => send<void>('DELETE', path),
};

/** A path with every part escaped: names may hold anything a name may hold. */
export function at(...parts: string[]): string {
  return parts.map((part) => '/' + encodeURIComponent(part)).join('');
}

/** Follows the cursor of a list to its end, or to `limit` items. */
export async function listAll<T>(path: string, limit = 5000): Promise<T[]> {
  const items: T[] = [];
  let after: string | undefined;
  do {
    const query = `${path.includes('?') ? '&' : '?'}limit=500${after ? `&after=${encodeURIComponent(after)}` : ''}`;
    const page: Page<T> = await api.get<Page<T>>(path + query);
    items.push(...page.items);
    after = page.next;
  } while (after && items.length < limit);
  return items;
}
