import type { Point } from '../api/types';

/** The newest point that is not younger than a time; points are newest first. */
export function pointAt(points: Point[], time: Date): Point | undefined {
  return points.find((point) => Date.parse(point.instant) <= time.getTime());
}

/** A time as an input of the browser wants it: in the reader's zone, without the zone. */
export function localInput(time: Date): string {
  const shifted = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}
