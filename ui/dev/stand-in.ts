import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Container, Device, Job, JobRequest, NewPolicy, NewTarget, Overview, Point, Policy, Retention, Schedule, Target, Token, User } from '../src/api/types';

/**
 * An appliance that remembers in memory and backs nothing up: for working on the UI without root, devices or Java.
 * TIDEMARK_STAND_IN=empty begins before set-up (code "first"); otherwise there is data, user admin, password "tidemark-demo".
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const GIB = 2 ** 30;
const MIB = 2 ** 20;

const empty = process.env.TIDEMARK_STAND_IN === 'empty';
const started = Date.now();
const iso = (time: number) => new Date(time).toISOString();
const hash = (text: string) => createHash('sha256').update(text).digest('hex');

class Refusal extends Error {
  constructor(readonly status: number, readonly code: string, readonly title: string, detail: string) {
    super(detail);
  }
}

const users: User[] = empty ? [] : [
  { userName: 'admin', role: 'admin', createdAt: iso(started - 40 * DAY) },
  { userName: 'nadia', role: 'operator', createdAt: iso(started - 20 * DAY) },
  { userName: 'wallboard', role: 'viewer', disabled: true, createdAt: iso(started - 3 * DAY) },
];
const tokens: Token[] = empty ? [] : [
  { id: 't1', name: 'prometheus', scopes: ['read'], createdAt: iso(started - 30 * DAY), createdBy: 'admin', lastUsedAt: iso(started - 20_000) },
  { id: 't2', name: 'night script', scopes: ['read', 'backup'], createdAt: iso(started - 90 * DAY), createdBy: 'nadia', expiresAt: iso(started + 9 * DAY), lastUsedAt: iso(started - 9 * HOUR) },
  { id: 't3', name: 'old laptop', scopes: ['admin'], createdAt: iso(started - 200 * DAY), createdBy: 'admin', revokedAt: iso(started - 12 * DAY) },
];
const targets: Target[] = [];
const containers: Container[] = [];
const policies: Policy[] = [];
const jobs: Job[] = [];
const points: Point[] = [];
const devices: Device[] = [];
const sessions = new Set<string>();
const listeners = new Set<(job: Job) => void>();
let nextJob = 1;

function addContainer(name: string, sizeGiB: number, kind: 'IMAGE' | 'MOUNT' | 'RUNC', createdAt: number): Container {
  const loop = `/dev/loop${devices.length}`;
  const container: Container = {
    name,
    images: [{
      id: 'root', path: `/srv/ct/${name}`, format: 'expanded', sizeBytes: sizeGiB * GIB, attached: true,
      deviceId: hash(name).slice(0, 8), blockDevice: loop, mountPoint: `/srv/root/${name}`, fileSystem: 'ext4',
    }],
    runtime: kind === 'RUNC' ? { kind, id: name, cgroup: `/sys/fs/cgroup/${name}` } : { kind },
    policies: [],
    protection: { state: 'UNPROTECTED', sentence: 'No policy backs this container up and there is no recovery point.' },
    createdAt: iso(createdAt),
  };
  containers.push(container);
  devices.push({ deviceId: hash(name).slice(0, 8), image: `/srv/ct/${name}`, blockDevice: loop, readOnly: false, state: 'RUNNING', sizeBytes: sizeGiB * GIB, settings: {}, mountPoint: `/srv/root/${name}`, container: name });
  return container;
}

function addPoint(container: string, target: string, time: number, sequence: number, shipped: number): Point {
  const mode = sequence === 1 ? 'FULL' : 'INCREMENTAL';
  const parent = points.filter((point) => point.container === container).pop();
  const point: Point = {
    container, target, pointId: hash(`${container}${target}${sequence}`).slice(0, 32), sequence, instant: iso(time), committedAt: iso(time + 900),
    grade: sequence % 37 === 5 ? 'CRASH' : 'FILESYSTEM', mode, fullReason: mode === 'FULL' ? 'first backup to this target' : undefined,
    freezeMillis: 3 + ((sequence * 7) % 19), parent: parent?.pointId,
    images: [{ imageId: 'root', sizeBytes: 20 * GIB, mode }],
    bytesRead: shipped * 2, bytesShipped: shipped, bytesStored: Math.round(shipped * 0.52), objects: 2,
    protected: false, keptBy: sequence % 12 === 0 ? ['hourly'] : ['last 300'], expired: false,
  };
  points.push(point);
  return point;
}

function addTarget(body: NewTarget): Target {
  const address = body.kind === 'LOCAL' ? body.local?.path ?? '' : `s3://${body.s3?.bucket}/${body.s3?.prefix ?? ''}`;
  const credentials = body.s3?.credentials && { ...body.s3.credentials, secretKey: undefined, sessionToken: undefined };
  const target: Target = {
    ...body, s3: body.s3 && { ...body.s3, credentials }, address, maxJobs: body.maxJobs ?? 2, repositoryId: hash(body.name).slice(0, 16),
    status: { reachable: true, checkedAt: iso(Date.now()) }, singleWriter: false, createdAt: iso(Date.now()),
  };
  targets.push(target);
  return target;
}

function seed(): void {
  addTarget({ name: 'vault', kind: 'LOCAL', local: { path: '/mnt/vault' } });
  const s3 = addTarget({ name: 'offsite', kind: 'S3', s3: { endpoint: 'https://s3.example.net', region: 'eu-central-1', bucket: 'tidemark-prod', prefix: 'host1/', pathStyle: true, checksumMode: 'WHEN_REQUIRED', credentials: { source: 'CATALOGUE', accessKey: 'AKEXAMPLE' } } });
  s3.singleWriter = true;
  s3.notice = 'This store overwrites an object although it was told not to (its second conditional write was accepted). Only this appliance may write to it.';
  for (const [name, size, kind] of [['web', 20, 'RUNC'], ['db-main', 120, 'RUNC'], ['mail', 60, 'MOUNT'], ['wiki', 8, 'IMAGE']] as const) {
    addContainer(name, size, kind, started - 35 * DAY);
  }
  addContainer('scratchpad', 4, 'IMAGE', started - 2 * HOUR);
  let sequence = 1;
  for (let time = started - 34 * DAY; time < started - DAY; time += 6 * HOUR) {
    addPoint('web', 'vault', time, sequence++, sequence === 2 ? 6 * GIB : (8 + ((sequence * 13) % 40)) * MIB);
  }
  for (let time = started - DAY; time < started - 4 * MINUTE; time += 30 * MINUTE) {
    addPoint('web', 'vault', time, sequence++, (1 + ((sequence * 29) % 23)) * MIB * (sequence % 17 === 0 ? 30 : 1));
  }
  addPoint('web', 'vault', started - 4 * MINUTE, sequence++, 3 * MIB);
  points.filter((point) => point.sequence === 60 || point.sequence === 150).forEach((point) => (point.protected = true));
  points.filter((point) => point.sequence === 100).forEach((point) => (point.verifiedAt = iso(started - DAY)));
  for (const [name, ages] of [['db-main', [26, 20, 14, 8, 2]], ['mail', [30, 24, 18, 12]], ['wiki', [50, 26, 2]]] as const) {
    ages.forEach((age, i) => addPoint(name, name === 'wiki' ? 'offsite' : 'vault', started - age * HOUR, i + 1, i === 0 ? 9 * GIB : (20 + i * 9) * MIB));
  }
  const policy = (name: string, names: string[], target: string, schedule: Schedule, retention: Retention, enabled = true): void => {
    policies.push({ name, containers: names, target, schedule, retention, enabled, sentence: sentenceOf(schedule), nextRunAt: enabled ? iso(started + 70_000) : undefined, lastRunAt: iso(started - 4 * MINUTE), createdAt: iso(started - 34 * DAY) });
  };
  policy('every-half-hour', ['web', 'db-main'], 'vault', { kind: 'EVERY', everySeconds: 1800, jitterSeconds: 20, missed: 'RUN_ONCE' }, { last: 48, hourly: 48, daily: 14, weekly: 8 });
  policy('mail-nightly', ['mail'], 'vault', { kind: 'CRON', cron: '30 2 * * *', zone: 'Europe/Berlin', jitterSeconds: 0, missed: 'RUN_ONCE' }, { daily: 30, monthly: 12 });
  policy('wiki-offsite', ['wiki'], 'offsite', { kind: 'EVERY', everySeconds: 86400, jitterSeconds: 0, missed: 'SKIP' }, { last: 7 }, false);
  for (let i = 0; i < 14; i++) {
    const time = started - (i + 1) * 30 * MINUTE;
    const job = newJob({ kind: 'BACKUP', container: i % 3 === 1 ? 'db-main' : 'web', target: 'vault' }, time);
    Object.assign(job, { cause: 'SCHEDULE', policy: 'every-half-hour', createdBy: 'policy every-half-hour', startedAt: iso(time), finishedAt: iso(time + 1400), state: 'SUCCEEDED' });
    finishBackup(job, points[points.length - 1 - (i % 9)]!);
  }
  const failed = newJob({ kind: 'BACKUP', container: 'mail', target: 'vault' }, started - 21 * HOUR);
  Object.assign(failed, {
    state: 'FAILED', cause: 'SCHEDULE', policy: 'mail-nightly', attempt: 3, startedAt: failed.createdAt, finishedAt: iso(started - 21 * HOUR + 4000),
    error: { code: 'unreachable', title: 'The target cannot be reached', detail: 'Target vault: /mnt/vault is not the folder it was when the repository was made; probably nothing is mounted there. Mount it and start the backup again.' },
  });
  jobs.sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  newJob({ kind: 'VERIFY', container: 'web', target: 'vault' }, started);
  jobs[0]!.createdBy = 'nadia';
  run(jobs[0]!, 180_000);
}

function newJob(request: JobRequest, time: number): Job {
  const job: Job = {
    id: String(1000 + nextJob++), kind: request.kind, container: request.container, target: request.target ?? targets[0]?.name, cause: 'MANUAL',
    state: 'QUEUED', attempt: 1, createdAt: iso(time), createdBy: 'admin', request, progress: { phase: 'waiting', doneBytes: 0, text: 'Waiting for its turn' }, notices: [],
  };
  jobs.unshift(job);
  return job;
}

function tell(job: Job): void {
  listeners.forEach((listener) => listener(job));
}

function finishBackup(job: Job, point: Point): void {
  job.result = {
    pointId: point.pointId, sequence: point.sequence, instant: point.instant, grade: point.grade, mode: point.mode, fullReason: point.fullReason, freezeMillis: point.freezeMillis,
    seconds: 1.4, chunksRead: 640, chunksChanged: 600, chunksShipped: 212, bytesRead: point.bytesRead, bytesChanged: point.bytesRead, bytesShipped: point.bytesShipped, bytesStored: point.bytesStored, objects: 2, requests: 4,
  };
  job.progress = { phase: 'done', doneBytes: point.bytesRead, totalBytes: point.bytesRead, fraction: 1, text: 'Done' };
}

/** Lets a job pass through its states within `millis`. */
function run(job: Job, millis: number): void {
  const total = 4 * GIB;
  const begun = Date.now();
  const phases = { BACKUP: ['freezing', 'reading', 'committing'], RESTORE: ['preparing', 'writing', 'syncing'], VERIFY: ['reading', 'comparing', 'comparing'], SNAPSHOT_DELETE: ['deleting', 'deleting', 'deleting'], SNAPSHOT_MERGE: ['merging', 'merging', 'merging'], MIGRATE: ['copying', 'stopping', 'waiting'], ARRIVE: ['starting', 'starting', 'starting'], REPLICATE: ['asking', 'replicating', 'replicating'] }[job.kind];
  job.startedAt = iso(begun);
  const timer = setInterval(() => {
    if (job.state === 'CANCELLED') {
      clearInterval(timer);
      return;
    }
    const fraction = Math.min(1, (Date.now() - begun) / millis);
    job.state = 'RUNNING';
    job.progress = { phase: phases[Math.min(2, Math.floor(fraction * 3))]!, doneBytes: Math.round(total * fraction), totalBytes: total, fraction, text: `${phases[Math.min(2, Math.floor(fraction * 3))]} ${job.container ?? ''}` };
    if (fraction === 1) {
      clearInterval(timer);
      finish(job);
    }
    tell(job);
  }, 250);
}

function finish(job: Job): void {
  job.state = 'SUCCEEDED';
  job.finishedAt = iso(Date.now());
  if (job.kind === 'BACKUP') {
    const own = points.filter((point) => point.container === job.container && point.target === job.target);
    finishBackup(job, addPoint(job.container!, job.target!, Date.now(), own.length + 1, own.length ? 5 * MIB : 2 * GIB));
  } else if (job.kind === 'RESTORE') {
    job.result = { pointId: job.request?.point === 'latest' ? newestOf(job.container!)?.pointId : job.request?.point, destination: job.request?.destination, sizeBytes: 20 * GIB, writtenBytes: 3 * GIB, seconds: 6.2 };
  } else {
    job.result = { points: 5, chunks: 60_000, bytes: 4 * GIB, damages: [] };
  }
}

const newestOf = (name: string): Point | undefined => points.filter((point) => point.container === name && !point.expired).sort((a, b) => b.instant.localeCompare(a.instant))[0];

/** Containers as they are seen now: protection follows points, policies and jobs. */
function seen(container: Container): Container {
  const own = policies.filter((policy) => policy.containers.includes(container.name));
  const newest = newestOf(container.name);
  const running = jobs.some((job) => job.container === container.name && job.kind === 'BACKUP' && (job.state === 'RUNNING' || job.state === 'QUEUED'));
  const failing = jobs.find((job) => job.container === container.name && job.kind === 'BACKUP')?.state === 'FAILED';
  const schedule = own[0]?.schedule;
  const rpo = schedule && (schedule.kind === 'EVERY' ? schedule.everySeconds ?? 0 : 86_400);
  const age = newest && (Date.now() - Date.parse(newest.instant)) / 1000;
  const late = age !== undefined && rpo !== undefined && age > rpo * 2;
  const state = running ? 'RUNNING' : failing ? 'FAILING' : own.length === 0 || !newest ? 'UNPROTECTED' : late ? 'LATE' : 'SAFE';
  const sentence = {
    RUNNING: 'A backup is running.', FAILING: 'The last three backups failed: nothing is mounted at /mnt/vault.', UNPROTECTED: newest ? 'No policy backs this container up.' : 'There is no recovery point yet.',
    LATE: 'The newest recovery point is older than its policy allows.', SAFE: 'The newest recovery point is as young as its policy asks for.',
  }[state];
  return {
    ...container, policies: own.map((policy) => policy.name),
    protection: { state, sentence, newestPointId: newest?.pointId, newestPointAt: newest?.instant, newestTarget: newest?.target, rpoSeconds: rpo, ageSeconds: age && Math.round(age), nextRunAt: own.find((policy) => policy.enabled)?.nextRunAt },
  };
}

function overview(): Overview {
  const all = containers.map(seen);
  const count = (...states: string[]) => all.filter((container) => states.includes(container.protection.state)).length;
  const attention = all.filter((container) => ['LATE', 'FAILING', 'UNPROTECTED'].includes(container.protection.state)).map((container) => ({ kind: 'CONTAINER', name: container.name, sentence: container.protection.sentence }));
  const state = all.length === 0 ? 'EMPTY' : count('FAILING') ? 'DANGER' : attention.length ? 'ATTENTION' : 'SAFE';
  const today = jobs.filter((job) => Date.parse(job.createdAt) > Date.now() - DAY);
  return {
    state, sentence: { EMPTY: 'Nothing is protected yet.', DANGER: '1 of 5 containers cannot be backed up; its newest recovery point is 12 hours old.', ATTENTION: `${attention.length} of ${all.length} containers need attention.`, SAFE: `All ${all.length} containers have a recovery point as young as their policies ask for.` }[state],
    containers: { total: all.length, safe: count('SAFE', 'RUNNING'), late: count('LATE'), failing: count('FAILING'), unprotected: count('UNPROTECTED') },
    targets: { total: targets.length, unreachable: targets.filter((target) => !target.status?.reachable).length },
    jobs: { running: jobs.filter((job) => job.state === 'RUNNING').length, queued: jobs.filter((job) => job.state === 'QUEUED').length, failedLastDay: today.filter((job) => job.state === 'FAILED').length, succeededLastDay: today.filter((job) => job.state === 'SUCCEEDED').length },
    shippedBytesLastDay: today.reduce((sum, job) => sum + (job.result?.bytesShipped ?? 0), 0), storedBytesLastDay: today.reduce((sum, job) => sum + (job.result?.bytesStored ?? 0), 0),
    attention, version: '0.1.0', hostName: 'host1', time: iso(Date.now()),
  };
}

function test(body: NewTarget) {
  const path = body.local?.path ?? '';
  const bad = body.kind === 'LOCAL' && path.startsWith('/nowhere');
  const names = body.kind === 'LOCAL' ? ['Find the folder', 'Write', 'Create only if absent', 'Read back'] : ['Connect', 'Find the bucket', 'Write', 'Conditional write', 'Read back'];
  const steps = bad
    ? [{ name: names[0]!, ok: false, millis: 1, detail: `There is no folder ${path} on this host. Mount the disk, or create the folder, and test again.` }]
    : names.map((name, i) => ({ name, ok: true, millis: 2 + i * 3, detail: i === 0 ? `${path || body.s3?.endpoint} answers, 412 GiB are free` : null }));
  return { ok: !bad, millis: 14, steps, singleWriter: false, notice: null, error: bad ? { title: 'The folder does not exist', status: 502, code: 'unreachable', detail: steps[0]!.detail } : null };
}

const sentenceOf = (schedule: Schedule) => (schedule.kind === 'EVERY' ? `Every ${(schedule.everySeconds ?? 0) / 60} minutes` : `At "${schedule.cron}" in ${schedule.zone}`);

function preview(schedule: Schedule, retention?: Retention) {
  if (schedule.kind === 'CRON' && (schedule.cron ?? '').trim().split(/\s+/).length !== 5) {
    throw new Refusal(400, 'usage', 'The schedule makes no sense', `"${schedule.cron}" has not five fields: minute, hour, day of month, month, day of week.`);
  }
  const every = schedule.kind === 'EVERY' ? (schedule.everySeconds ?? 0) * 1000 : DAY;
  const kept = Object.entries(retention ?? {}).filter(([, value]) => value).map(([name, value]) => (name === 'last' ? `the newest ${value}` : name === 'withinSeconds' ? `everything of the last ${value / 86_400} days` : `${value} ${name}`));
  return {
    sentence: sentenceOf(schedule),
    next: [1, 2, 3, 4, 5].map((i) => iso(Date.now() + i * every)),
    retentionSentence: kept.length ? `Keeps ${kept.join(', ')}.` : 'Keeps everything.',
  };
}

function find<T>(items: T[], matches: (item: T) => boolean, what: string): T {
  const item = items.find(matches);
  if (!item) {
    throw new Refusal(404, 'not-found', 'Not found', `There is no ${what}.`);
  }
  return item;
}

function remove<T>(items: T[], item: T): void {
  items.splice(items.indexOf(item), 1);
}

/** Every field of every body; a request has those of its own. */
interface Body {
  code: string;
  userName: string;
  password: string;
  name: string;
  images: { path: string }[];
  mount: string;
  protected: boolean;
  schedule: Schedule;
  retention: Retention;
  image: string;
  readOnly?: boolean;
}

type Handler = (parts: string[], body: Body, query: URLSearchParams, response: ServerResponse) => unknown;

const session = () => ({ userName: users[0]?.userName, role: users[0]?.role, scopes: ['read', 'backup', 'restore', 'admin'], expiresAt: iso(Date.now() + 12 * HOUR) });

function begin(response: ServerResponse): unknown {
  const id = hash(String(Math.random()));
  sessions.add(id);
  response.setHeader('Set-Cookie', `tidemark-session=${id}; HttpOnly; SameSite=Strict; Path=/`);
  return session();
}

function start(request: JobRequest): Job {
  const job = newJob(request, Date.now());
  tell(job);
  setTimeout(() => run(job, 4000), 600);
  return job;
}

const list = (items: unknown[]) => ({ items, next: null });

const routes: Record<string, Handler> = {
  'GET setup': () => ({ needed: users.length === 0 }),
  'POST setup': (_, body, __, response) => {
    if (body.code !== 'first') {
      throw new Refusal(403, 'not-permitted', 'The link is not valid', 'It was used already or is older than 24 hours. Restart the appliance: it prints a new one.');
    }
    users.push({ userName: body.userName, role: 'admin', createdAt: iso(Date.now()) });
    response.statusCode = 201;
    return begin(response);
  },
  'POST session': (_, body, __, response) => {
    if (body.password !== 'tidemark-demo' && !empty) {
      throw new Refusal(401, 'not-authenticated', 'Not signed in', 'User name or password is wrong.');
    }
    return begin(response);
  },
  'GET session': session,
  'DELETE session': () => sessions.clear(),
  'POST session/password': () => undefined,
  'GET users': () => list(users),
  'POST users': (_, body) => (users.push({ ...(body as object), createdAt: iso(Date.now()) } as User), users[users.length - 1]),
  'PATCH users/*': ([name], body) => Object.assign(find(users, (user) => user.userName === name, `user ${name}`), body),
  'DELETE users/*': ([name]) => remove(users, find(users, (user) => user.userName === name, `user ${name}`)),
  'GET tokens': () => list(tokens),
  'POST tokens': (_, body) => {
    const token = { id: `t${Date.now()}`, ...(body as object), createdAt: iso(Date.now()), createdBy: 'admin' } as Token;
    tokens.push(token);
    return { ...token, secret: `tdm_${hash(token.id).slice(0, 40)}` };
  },
  'DELETE tokens/*': ([id]) => {
    find(tokens, (token) => token.id === id, 'such token').revokedAt = iso(Date.now());
  },
  'GET overview': overview,
  'GET containers': () => list(containers.map(seen)),
  'GET containers/*': ([name]) => seen(find(containers, (container) => container.name === name, `container ${name}`)),
  'POST containers': (_, body) => seen(addContainer(body.name, 4, 'runc' in body ? 'RUNC' : 'mount' in body ? 'MOUNT' : 'IMAGE', Date.now())),
  'POST containers/discover': (_, body) => {
    const path = 'images' in body ? body.images[0]!.path : '/srv/ct/found';
    if (path.startsWith('/nowhere')) {
      throw new Refusal(404, 'not-found', 'No such image', `There is nothing at ${path}.`);
    }
    const found = { id: 'root', path, format: 'expanded', sizeBytes: 4 * GIB, attached: true, blockDevice: '/dev/loop7', mountPoint: '/srv/root/found', fileSystem: 'ext4' };
    return { images: [found], runtime: { kind: 'runc' in body ? 'RUNC' : 'IMAGE' }, notices: ['The image is attached already; its changes are tracked from now on.'] };
  },
  'DELETE containers/*': ([name]) => remove(containers, find(containers, (container) => container.name === name, `container ${name}`)),
  'GET containers/*/points': ([name], _, query) => list(points.filter((point) => point.container === name && (!query.get('target') || point.target === query.get('target'))).sort((a, b) => b.instant.localeCompare(a.instant))),
  'PUT containers/*/points/*/protection': ([name, id], body) => Object.assign(find(points, (point) => point.container === name && point.pointId === id, 'such point'), { protected: body.protected }),
  'GET targets': () => list(targets),
  'POST targets': (_, body) => addTarget(body as unknown as NewTarget),
  'POST targets/test': (_, body) => test(body as unknown as NewTarget),
  'POST targets/*/test': ([name]) => test(find(targets, (target) => target.name === name, `target ${name}`)),
  'DELETE targets/*': ([name]) => {
    const user = policies.find((policy) => policy.target === name);
    if (user) {
      throw new Refusal(409, 'conflict', 'The target is in use', `Policy ${user.name} backs up to ${name}. Remove the policy, or give it another target, first.`);
    }
    remove(targets, find(targets, (target) => target.name === name, `target ${name}`));
  },
  'GET policies': () => list(policies),
  'GET policies/*': ([name]) => find(policies, (policy) => policy.name === name, `policy ${name}`),
  'POST policies': (_, body) => (policies.push({ ...(body as unknown as NewPolicy), sentence: sentenceOf(body.schedule), nextRunAt: iso(Date.now() + 5 * MINUTE), createdAt: iso(Date.now()) }), policies[policies.length - 1]),
  'PUT policies/*': ([name], body) => Object.assign(find(policies, (policy) => policy.name === name, `policy ${name}`), body),
  'DELETE policies/*': ([name]) => remove(policies, find(policies, (policy) => policy.name === name, `policy ${name}`)),
  'POST policies/preview': (_, body) => preview(body.schedule, body.retention),
  'GET jobs': (_, __, query) => list(jobs.filter((job) => !query.get('container') || job.container === query.get('container'))),
  'POST jobs': (_, body) => start(body as unknown as JobRequest),
  'GET jobs/*': ([id]) => find(jobs, (job) => job.id === id, `job ${id}`),
  'POST jobs/*/cancel': ([id]) => {
    const job = find(jobs, (candidate) => candidate.id === id, `job ${id}`);
    Object.assign(job, { state: 'CANCELLED', finishedAt: iso(Date.now()) });
    tell(job);
  },
  'GET jobs/*/log': ([id]) => {
    const job = find(jobs, (candidate) => candidate.id === id, `job ${id}`);
    const lines = [{ at: job.createdAt, level: 'INFO', text: `${job.kind.toLowerCase()} of ${job.container} to ${job.target}, asked for by ${job.createdBy}` }, { at: job.startedAt ?? job.createdAt, level: 'INFO', text: '/srv/root: ext4 frozen for 6 ms' }];
    return { lines: job.error ? [...lines, { at: job.finishedAt!, level: 'ERROR', text: job.error.detail ?? '' }] : lines };
  },
  'GET devices': () => list(devices),
  'POST devices': (_, body) => (devices.push({ deviceId: hash(body.image).slice(0, 8), image: body.image, blockDevice: '/dev/loop9', readOnly: body.readOnly ?? false, state: 'RUNNING', sizeBytes: GIB, settings: {}, mountPoint: body.mount }), devices[devices.length - 1]),
  'DELETE devices/*': ([id]) => remove(devices, find(devices, (device) => device.deviceId === id, 'such device')),
  'GET system': () => ({
    version: '0.1.0', hostName: 'host1', startedAt: iso(started), pid: 4242, javaVersion: '17.0.15', stateFolder: '/var/lib/tidemark', deviceServer: { running: true, pid: 4243, generation: 1, devices: devices.length }, freeBytes: 212 * GIB,
    checks: [{ name: 'FUSE', ok: true, detail: '/dev/fuse, protocol 7.38' }, { name: 'Loop devices', ok: true, detail: 'direct I/O works' }, { name: 'rcu_expedited', ok: false, detail: '/sys/kernel/rcu_expedited cannot be written: freezing takes about 40 ms longer' }],
  }),
};

function events(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  const write = (job: Job) => response.write(`event: job\ndata: ${JSON.stringify(job)}\n\n`);
  response.write(': here\n\n');
  jobs.filter((job) => job.state === 'RUNNING' || job.state === 'QUEUED').forEach(write);
  listeners.add(write);
  response.on('close', () => listeners.delete(write));
}

async function bodyOf(request: IncomingMessage): Promise<Body> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
  }
  return JSON.parse(text || '{}') as Body;
}

function isLoggedIn(request: IncomingMessage): boolean {
  const id = /tidemark-session=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
  return id !== undefined && sessions.has(id);
}

const OPEN = ['GET setup', 'POST setup', 'POST session'];

export async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://stand-in');
  const path = url.pathname.replace('/api/v1/', '');
  try {
    if (!OPEN.includes(`${request.method} ${path}`) && !isLoggedIn(request)) {
      throw new Refusal(401, 'not-authenticated', 'Please sign in', 'This page needs a user.');
    }
    if (path.endsWith('/events')) {
      events(response);
      return;
    }
    for (const [route, handler] of Object.entries(routes)) {
      const match = new RegExp(`^${route.replaceAll('*', '([^/]+)')}$`).exec(`${request.method} ${path}`);
      if (match) {
        const result = handler(match.slice(1).map(decodeURIComponent), await bodyOf(request), url.searchParams, response);
        response.setHeader('Content-Type', 'application/json');
        response.end(result === undefined ? '' : JSON.stringify(result));
        return;
      }
    }
    throw new Refusal(404, 'not-found', 'Not found', `The stand-in does not know ${request.method} ${path}.`);
  } catch (error) {
    const refusal = error instanceof Refusal ? error : new Refusal(500, 'failed', 'The stand-in failed', String(error));
    response.writeHead(refusal.status, { 'Content-Type': 'application/problem+json' });
    response.end(JSON.stringify({ type: `urn:tidemark:problem:${refusal.code}`, status: refusal.status, code: refusal.code, title: refusal.title, detail: refusal.message }));
  }
}

if (!empty) {
  seed();
}
