import type { components } from './schema';

/*
 * What the appliance's REST API speaks, from its own description (openapi.json). The description says of answers only in part
 * which fields are always there; the rest of that knowledge stands here.
 */

type Schemas = components['schemas'];

/** The same with these fields always there. */
type With<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: NonNullable<T[P]> };

/** The same with every field there, all the way down. */
type Whole<T> = T extends (infer U)[] ? Whole<U>[] : T extends object ? { [K in keyof T]-?: Whole<NonNullable<T[K]>> } : T;

export interface Page<T> {
  items: T[];
  next?: string;
}

export type Problem = With<Omit<Schemas['Problem'], 'errors'>, 'title' | 'code'> & { errors?: Whole<Schemas['FieldError']>[] };

export type Scope = Schemas['Scope'];
export type Role = Schemas['Role'];
export type Session = With<Schemas['Session'], 'scopes'>;
export type User = With<Schemas['User'], 'userName' | 'role'>;
export type Token = With<Schemas['Token'], 'id' | 'name' | 'scopes' | 'createdAt'>;
export type NewToken = Token & { secret: string };

export type OverviewState = Schemas['OverviewState'];
export type Overview = Whole<Schemas['Overview']>;
export type AttentionItem = Whole<Schemas['OverviewAttention']>;

export type Container = Schemas['Container'];
export type ContainerImage = Schemas['ContainerImage'];
export type ContainerSource = Schemas['DiscoverRequest'];
export type Discovery = With<Schemas['Discovered'], 'images' | 'runtime' | 'notices'>;
export type ProtectionState = Schemas['ProtectionState'];

export type ChecksumMode = Schemas['ChecksumMode'];
export type CredentialSource = Schemas['CredentialSource'];
export type NewTarget = With<Schemas['TargetRequest'], 'kind'>;
export type Target = Schemas['Target'];
export type TestStep = With<Schemas['TargetTestStep'], 'name' | 'ok'>;
export type TargetTest = Omit<Schemas['TargetTestResult'], 'steps' | 'error'> & { steps: TestStep[]; error?: Problem };

export type Schedule = Schemas['PolicySchedule'];
export type Retention = Schemas['PolicyRetention'];
export type NewPolicy = With<Schemas['PolicyRequest'], 'name' | 'retention' | 'enabled'>;
export type Policy = Schemas['Policy'];
export type PolicyPreview = With<Schemas['PolicyPreview'], 'sentence' | 'next'>;

export type JobKind = Schemas['JobKind'];
export type JobState = Schemas['JobStateName'];
export type JobCause = Schemas['JobCause'];
export type JobRequest = Schemas['JobRequest'];
export type JobLogLine = Whole<Schemas['LogLine']>;

export type Job = Omit<Schemas['Job'], 'request' | 'result' | 'error'> & {
  request?: JobRequest;
  result?: JobResult;
  error?: { code: string; title: string; detail?: string };
};

/** The union of what the kinds of jobs report; each fills its own part. */
export interface JobResult {
  pointId?: string;
  sequence?: number;
  instant?: string;
  grade?: Grade;
  mode?: PointMode;
  fullReason?: string;
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
  image?: string;
  snapshot?: string;
  outcome?: string;
  peer?: string;
  from?: string;
  bytesSent?: number;
  downMillis?: number;
  source?: string;
  pointsAlreadyThere?: number;
  packs?: number;
}

export type Grade = Schemas['Grade'];
export type PointMode = Schemas['PointMode'];
export type Point = Schemas['Point'];

export type Device = Schemas['Device'];

type SystemParts = With<Schemas['System'], 'version' | 'hostName' | 'startedAt' | 'pid' | 'javaVersion' | 'stateFolder' | 'freeBytes'>;
export type System = Omit<SystemParts, 'deviceServer' | 'checks'> & {
  deviceServer: Schemas['DeviceServer'];
  checks: With<Schemas['HostCheck'], 'name' | 'ok'>[];
};
