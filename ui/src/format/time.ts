const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function plural(value: number, unit: string): string {
  return `${value} ${unit}${value === 1 ? '' : 's'}`;
}

/** The largest fitting unit: "40 seconds", "5 minutes", "3 hours", "12 days". */
function rough(seconds: number): string {
  if (seconds < MINUTE) {
    return plural(Math.round(seconds), 'second');
  }
  if (seconds < HOUR) {
    return plural(Math.floor(seconds / MINUTE), 'minute');
  }
  if (seconds < 2 * DAY) {
    return plural(Math.floor(seconds / HOUR), 'hour');
  }
  if (seconds < 60 * DAY) {
    return plural(Math.floor(seconds / DAY), 'day');
  }
  if (seconds < 730 * DAY) {
    return plural(Math.floor(seconds / (30 * DAY)), 'month');
  }
  return plural(Math.floor(seconds / (365 * DAY)), 'year');
}

/** "4 minutes ago", "in 2 hours", "just now". Clocks of browser and appliance may differ by a few seconds. */
export function relative(time: Date, now: Date): string {
  const seconds = (time.getTime() - now.getTime()) / 1000;
  if (Math.abs(seconds) < 10) {
    return 'just now';
  }
  return seconds < 0 ? `${rough(-seconds)} ago` : `in ${rough(seconds)}`;
}

/** How long something takes or took: "0.4 s", "12 s", "3 min 20 s", "2 h 5 min". */
export function duration(seconds: number): string {
  if (seconds < 0.1) {
    return 'under 0.1 s';
  }
  if (seconds < 10) {
    return `${seconds.toFixed(1).replace(/\.0$/, '')} s`;
  }
  if (seconds < MINUTE) {
    return `${Math.round(seconds)} s`;
  }
  if (seconds < HOUR) {
    const rest = Math.floor(seconds % MINUTE);
    return `${Math.floor(seconds / MINUTE)} min${rest ? ` ${rest} s` : ''}`;
  }
  const rest = Math.floor((seconds % HOUR) / MINUTE);
  return `${Math.floor(seconds / HOUR)} h${rest ? ` ${rest} min` : ''}`;
}

/** A span of a setting in the unit it was meant in: "every 5 minutes", "7 days". */
export function span(seconds: number): string {
  for (const [length, unit] of [[DAY, 'day'], [HOUR, 'hour'], [MINUTE, 'minute']] as const) {
    if (seconds >= length && seconds % length === 0) {
      return plural(seconds / length, unit);
    }
  }
  return plural(seconds, 'second');
}

/** The exact moment in the reader's zone, to the second. */
export function exact(time: Date): string {
  return time.toLocaleString('en-GB', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  });
}
