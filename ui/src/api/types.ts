/** What the appliance's REST API speaks. Sizes are bytes, times ISO-8601 in UTC. */

export interface Page<T> {
  items: T[];
  next?: string | null;
}

export interface FieldError {
  field: string;
  message: string;
}

export interface Problem {
  type?: string;
  title: string;
  status?: number;
  code: string;
  detail?: string;
  errors?: FieldError[];
}

export type Scope = 'read' | 'backup' | 'restore' | 'admin';
export type Role = 'viewer' | 'operator' | 'admin';

export interface Session {
  userName?: string;
  tokenName?: string;
  role?: Role;
  scopes: Scope[];
  expiresAt?: string;
}

export interface User {
  userName: string;
  role: Role;
  disabled?: boolean;
  createdAt?: string;
}

export interface Token {
  id: string;
  name: string;
  scopes: Scope[];
  createdAt: string;
  createdBy?: string;
  expiresAt?: string | null;
  lastUsedAt?: string | null;
  revokedAt?: string | null;
}

export interface NewToken extends Token {
  secret: string;
}

export type OverviewState = 'SAFE' | 'ATTENTION' | 'DANGER' | 'EMPTY';

export interface AttentionItem {
  kind: string;
  name: string;
  sentence: string;
}

export interface Overview {
  state: OverviewState;
  sentence: string;
  containers: { total: number; safe: number; late: number; failing: number; unprotected: number };
  targets: { total: number; unreachable: number };
  jobs: { running: number; queued: number; failedLastDay: number; succeededLastDay: number };
  shippedBytesLastDay: number;
  storedBytesLastDay: number;
  attention: AttentionItem[];
  version: string;
  hostName: string;
  time: string;
}

export interface ContainerImage {
  id: string;
  path: string;
  format?: string;
  sizeBytes?: number;
  attached?: boolean;
  deviceId?: string | null;
  blockDevice?: string | null;
  mountPoint?: string | null;
  fileSystem?: string | null;
  problem?: string | null;
}

export type RuntimeKind = 'IMAGE' | 'MOUNT' | 'RUNC';

export interface Runtime {
  kind: RuntimeKind;
  id?: string | null;
  cgroup?: string | null;
}

export type ProtectionState = 'SAFE' | 'LATE' | 'FAILING' | 'UNPROTECTED' | 'RUNNING';

export interface Protection {
  state: ProtectionState;
  sentence: string;
  newestPointId?: string | null;
  newestPointAt?: string | null;
  newestTarget?: string | null;
  rpoSeconds?: number | null;
  ageSeconds?: number | null;
  nextRunAt?: string | null;
}

export interface Container {
  name: string;
  images: ContainerImage[];
  runtime: Runtime;
  policies: string[];
  protection: Protection;
  createdAt: string;
}

export interface ContainerSource {
  images?: { id?: string; path: string }[];
  mount?: string;
  runc?: { id: string; root?: string };
}

export interface Discovery {
  images: ContainerImage[];
  runtime: Runtime;
  notices: string[];
}

export type ChecksumMode = 'WHEN_SUPPORTED' | 'WHEN_REQUIRED';
export type CredentialSource = 'CATALOGUE' | 'ENVIRONMENT' | 'FILE';

export interface S3Credentials {
  source: CredentialSource;
  accessKey?: string;
  secretKey?: string;
  sessionToken?: string;
  file?: string;
  profile?: string;
}

export interface S3Address {
  endpoint?: string;
  region?: string;
  bucket: string;
  prefix?: string;
  pathStyle?: boolean;
  checksumMode?: ChecksumMode;
  caCertificate?: string | null;
  credentials?: S3Credentials;
}

export interface NewTarget {
  name: string;
  kind: 'LOCAL' | 'S3';
  local?: { path: string };
  s3?: S3Address;
  maxJobs?: number;
}

export interface Target extends NewTarget {
  address: string;
  repositoryId?: string | null;
  status?: { reachable: boolean; checkedAt?: string | null; error?: string | null };
  singleWriter?: boolean;
  notice?: string | null;
  createdAt: string;
}

export interface TestStep {
  name: string;
  ok: boolean;
  millis?: number;
  detail?: string | null;
}

export interface TargetTest {
  ok: boolean;
  millis: number;
  steps: TestStep[];
  singleWriter?: boolean;
  notice?: string | null;
  error?: Problem | null;
}

export interface Schedule {
  kind: 'EVERY' | 'CRON';
  everySeconds?: number | null;
  cron?: string | null;
  zone?: string | null;
  jitterSeconds?: number;
  missed?: 'RUN_ONCE' | 'SKIP';
}

export interface Retention {
  last?: number | null;
  hourly?: number | null;
  daily?: number | null;
  weekly?: number | null;
  monthly?: number | null;
  yearly?: number | null;
  withinSeconds?: number | null;
}

export interface NewPolicy {
  name: string;
  containers: string[];
  target: string;
  schedule: Schedule;
  retention: Retention;
  enabled: boolean;
}

export interface Policy extends NewPolicy {
  nextRunAt?: string | null;
  lastRunAt?: string | null;
  createdAt: string;
}

export interface PolicyPreview {
  sentence: string;
  next: string[];
  retentionSentence?: string | null;
}

export type JobKind = 'BACKUP' | 'RESTORE' | 'VERIFY';
export type JobState = 'QUEUED' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED';

export interface JobProgress {
  phase?: string;
  doneBytes?: number;
  totalBytes?: number | null;
  fraction?: number | null;
  text?: string;
}

/** The union of what the kinds of jobs report; each fills its own part. */
export interface JobResult {
  pointId?: string;
  sequence?: number;
  instant?: string;
  grade?: Grade;
  mode?: PointMode;
  fullReason?: string | null;
  freezeMillis?: number;
  seconds?: number;
  chunksRead?: number;
  chunksChanged?: number;
  chunksShipped?: number;
  bytesRead?: number;
  bytesChanged?: number;
  bytesShipped?: number;
  bytesStored?: number;
  objects?: number;
  requests?: number;
  destination?: string;
  sizeBytes?: number;
  writtenBytes?: number;
  points?: number;
  chunks?: number;
  bytes?: number;
  damages?: string[];
}

export interface JobRequest {
  kind: JobKind;
  container?: string;
  target?: string;
  point?: string;
  image?: string;
  destination?: string;
  format?: string;
}

export interface Job {
  id: string;
  kind: JobKind;
  container?: string | null;
  target?: string | null;
  policy?: string | null;
  cause: 'MANUAL' | 'SCHEDULE' | 'RECOVERY';
  state: JobState;
  attempt?: number;
  createdAt: string;
  startedAt?: string | null;
  finishedAt?: string | null;
  createdBy?: string | null;
  request?: JobRequest;
  progress?: JobProgress | null;
  result?: JobResult | null;
  error?: { code: string; title: string; detail?: string | null } | null;
  notices?: string[];
}

export interface JobLogLine {
  at: string;
  level: string;
  text: string;
}

export type Grade = 'APPLICATION' | 'FILESYSTEM' | 'CRASH';
export type PointMode = 'FULL' | 'INCREMENTAL';

export interface Point {
  container: string;
  target: string;
  pointId: string;
  sequence: number;
  instant: string;
  committedAt?: string;
  grade: Grade;
  mode: PointMode;
  fullReason?: string | null;
  freezeMillis?: number;
  parent?: string | null;
  images: { imageId: string; sizeBytes: number; mode?: PointMode }[];
  bytesRead?: number;
  bytesShipped?: number;
  bytesStored?: number;
  objects?: number;
  protected: boolean;
  keptBy?: string[];
  expired?: boolean;
  verifiedAt?: string | null;
}

export interface Device {
  deviceId: string;
  image: string;
  blockDevice?: string | null;
  readOnly: boolean;
  state: string;
  sizeBytes: number;
  mountPoint?: string | null;
  container?: string | null;
}

export interface System {
  version: string;
  hostName: string;
  startedAt: string;
  pid: number;
  javaVersion: string;
  stateFolder: string;
  deviceServer: { running: boolean; pid?: number | null; generation?: number | null; devices?: number | null };
  freeBytes: number;
  checks: { name: string; ok: boolean; detail?: string | null }[];
}
