import type { NewPolicy, Policy, Retention, Schedule } from '../api/types';
import { span } from '../format/time';

/** What the dialog holds; numbers are text while they are typed. */
export interface PolicyForm {
  name: string;
  containers: string[];
  target: string;
  kind: 'EVERY' | 'CRON';
  minutes: string;
  cron: string;
  zone: string;
  jitterSeconds: string;
  missed: 'RUN_ONCE' | 'SKIP';
  keep: Record<KeepRule, string>;
  withinDays: string;
  enabled: boolean;
}

export const KEEP_RULES = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
export type KeepRule = (typeof KEEP_RULES)[number];

const DAY = 86_400;

export function emptyForm(zone: string): PolicyForm {
  return {
    name: '', containers: [], target: '', kind: 'EVERY', minutes: '15', cron: '0 2 * * *', zone, jitterSeconds: '0', missed: 'RUN_ONCE',
    keep: { last: '96', hourly: '48', daily: '14', weekly: '8', monthly: '', yearly: '' }, withinDays: '', enabled: true,
  };
}

export function formOf(policy: Policy, zone: string): PolicyForm {
  const { schedule, retention } = policy;
  const text = (value: number | undefined) => (value ? String(value) : '');
  return {
    name: policy.name,
    containers: policy.containers,
    target: policy.target,
    kind: schedule.kind,
    minutes: text((schedule.everySeconds ?? 900) / 60),
    cron: schedule.cron ?? '0 2 * * *',
    zone: schedule.zone ?? zone,
    jitterSeconds: String(schedule.jitterSeconds ?? 0),
    missed: schedule.missed ?? 'RUN_ONCE',
    keep: Object.fromEntries(KEEP_RULES.map((rule) => [rule, text(retention[rule])])) as Record<KeepRule, string>,
    withinDays: text((retention.withinSeconds ?? 0) / DAY),
    enabled: policy.enabled,
  };
}

export function scheduleOf(form: PolicyForm): Schedule {
  const common = { jitterSeconds: Number(form.jitterSeconds) || 0, missed: form.missed };
  return form.kind === 'EVERY'
    ? { kind: 'EVERY', everySeconds: Math.round(Number(form.minutes) * 60), ...common }
    : { kind: 'CRON', cron: form.cron.trim(), zone: form.zone.trim(), ...common };
}

export function retentionOf(form: PolicyForm): Retention {
  const retention: Retention = {};
  for (const rule of KEEP_RULES) {
    if (Number(form.keep[rule]) > 0) {
      retention[rule] = Number(form.keep[rule]);
    }
  }
  if (Number(form.withinDays) > 0) {
    retention.withinSeconds = Math.round(Number(form.withinDays) * DAY);
  }
  return retention;
}

export function policyOf(form: PolicyForm): NewPolicy {
  return { name: form.name, containers: form.containers, target: form.target, schedule: scheduleOf(form), retention: retentionOf(form), enabled: form.enabled };
}

/** Only what may be sent back: the appliance refuses fields that it alone sets. */
export function bodyOf(policy: Policy): NewPolicy {
  const { name, containers, target, schedule, retention, enabled } = policy;
  return { name, containers, target, schedule, retention, enabled };
}

export function isReady(form: PolicyForm): boolean {
  const timed = form.kind === 'CRON' ? form.cron.trim() !== '' : Number(form.minutes) > 0;
  return form.name !== '' && form.containers.length > 0 && form.target !== '' && timed;
}

export function retentionWords(retention: Retention): string {
  const words = KEEP_RULES.filter((rule) => retention[rule]).map((rule) => (rule === 'last' ? `newest ${retention.last}` : `${retention[rule]} ${rule}`));
  if (retention.withinSeconds) {
    words.push(`all of ${span(retention.withinSeconds)}`);
  }
  return words.join(', ') || 'everything';
}
