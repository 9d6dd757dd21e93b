/** Where the points of a time line lie. Pure arithmetic; Timeline.tsx draws it. */

export type Range = 'day' | 'week' | 'month' | 'all';

export interface Span {
  from: number;
  to: number;
}

export interface Spot {
  id: string;
  time: number;
  weight: number;
}

/** One thing to draw: a point, or several that lie too close together to be told apart. */
export interface Mark {
  x: number;
  height: number;
  ids: string[];
}

export interface Tick {
  x: number;
  time: number;
  label: string;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const CHUNK = 65_536;
const MIB = 1 << 20;

const LENGTH: Record<Exclude<Range, 'all'>, number> = { day: DAY, week: 7 * DAY, month: 31 * DAY };

/** The window that ends now; "all" begins a little before the oldest point. */
export function spanOf(range: Range, now: number, oldest: number | undefined): Span {
  if (range !== 'all') {
    return { from: now - LENGTH[range], to: now };
  }
  const length = Math.max(HOUR, now - (oldest ?? now - DAY));
  return { from: now - length * 1.04, to: now };
}

/** The shortest range that shows more than a few points, so that the first look is neither empty nor a smear. */
export function fittingRange(times: number[], now: number): Range {
  const within = (length: number) => times.filter((time) => time >= now - length).length;
  if (times.length === 0) {
    return 'day';
  }
  if (times.length <= 3 || within(6 * HOUR) === times.length) {
    return 'all';
  }
  return within(DAY) >= 3 ? 'day' : within(7 * DAY) >= 3 ? 'week' : 'all';
}

/**
 * Places spots, oldest first; spots nearer than `gap` pixels to the first of a group join it. The height is the logarithm of
 * the weight, since an increment and a full backup differ by a factor of thousands; the heaviest in view is the tallest.
 */
export function marks(spots: Spot[], span: Span, width: number, height: number, gap: number): Mark[] {
  const visible = spots.filter((spot) => spot.time >= span.from && spot.time <= span.to).sort((a, b) => a.time - b.time);
  const heaviest = Math.max(MIB, ...visible.map((spot) => spot.weight));
  const result: Mark[] = [];
  let start = Number.NEGATIVE_INFINITY;
  for (const spot of visible) {
    const x = ((spot.time - span.from) / (span.to - span.from)) * width;
    const tall = tallness(spot.weight, heaviest) * height;
    const last = result[result.length - 1];
    if (last && x - start < gap) {
      last.ids.push(spot.id);
      last.x = (start + x) / 2;
      last.height = Math.max(last.height, tall);
    } else {
      start = x;
      result.push({ x, height: tall, ids: [spot.id] });
    }
  }
  return result;
}

/** 0..1; one chunk and less is the bottom. */
function tallness(weight: number, heaviest: number): number {
  const log = Math.log2(Math.max(CHUNK, weight) / CHUNK) / Math.log2(heaviest / CHUNK);
  return 0.2 + 0.8 * log;
}

interface Step {
  length: number;
  label: (time: Date) => string;
}

const clock = (time: Date) => `${String(time.getHours()).padStart(2, '0')}:${String(time.getMinutes()).padStart(2, '0')}`;
const day = (time: Date) => time.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
const weekday = (time: Date) => time.toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric' });
const month = (time: Date) => time.toLocaleDateString('en-GB', { month: 'short', year: 'numeric' });
/** Midnight is where a day begins: there the day says more than 00:00. */
const clockOrDay = (time: Date) => (time.getHours() === 0 && time.getMinutes() === 0 ? weekday(time) : clock(time));

const STEPS: Step[] = [
  { length: HOUR / 6, label: clock },
  { length: HOUR, label: clockOrDay },
  { length: 3 * HOUR, label: clockOrDay },
  { length: 6 * HOUR, label: clockOrDay },
  { length: DAY, label: weekday },
  { length: 2 * DAY, label: weekday },
  { length: 7 * DAY, label: day },
  { length: 14 * DAY, label: day },
  { length: 31 * DAY, label: month },
  { length: 366 * DAY, label: month },
];

/** Round moments of the reader's zone, at least `room` pixels apart. */
export function ticks(span: Span, width: number, room: number): Tick[] {
  const length = span.to - span.from;
  const step = STEPS.find((candidate) => (candidate.length / length) * width >= room) ?? STEPS[STEPS.length - 1]!;
  const result: Tick[] = [];
  for (let time = firstTick(span.from, step.length); time <= span.to; time = nextTick(time, step.length)) {
    if (time >= span.from) {
      result.push({ x: ((time - span.from) / length) * width, time, label: step.label(new Date(time)) });
    }
  }
  return result;
}

function firstTick(from: number, step: number): number {
  const time = new Date(from);
  time.setMinutes(0, 0, 0);
  if (step >= 3 * HOUR) {
    time.setHours(0);
  }
  if (step >= 31 * DAY) {
    time.setDate(1);
  }
  return time.getTime();
}

/** Days and months are counted by the calendar, so that a change of the clock does not shift midnight. */
function nextTick(from: number, step: number): number {
  const time = new Date(from);
  if (step < DAY) {
    const next = from + step;
    const shifted = new Date(next);
    if (step > HOUR && shifted.getHours() % (step / HOUR) !== 0) {
      shifted.setHours(Math.round(shifted.getHours() / (step / HOUR)) * (step / HOUR), 0, 0, 0);
    }
    return Math.max(shifted.getTime(), from + HOUR / 6);
  }
  if (step >= 31 * DAY) {
    time.setMonth(time.getMonth() + (step > 31 * DAY ? 12 : 1));
  } else {
    time.setDate(time.getDate() + step / DAY);
  }
  return time.getTime();
}

/** The neighbour of the chosen mark for the arrow keys, Home and End; undefined if the key means nothing here. */
export function moved(key: string, current: number, length: number): number | undefined {
  switch (key) {
    case 'ArrowLeft':
      return Math.max(0, current - 1);
    case 'ArrowRight':
      return Math.min(length - 1, current + 1);
    case 'Home':
      return 0;
    case 'End':
      return length - 1;
    default:
      return undefined;
  }
}
