import type { Point } from '../api/types';

/**
 * A full backup is a diamond, an increment a circle, several together a ring; a crash-consistent one is hollow, a protected
 * one wears a flag. Shape carries the meaning, colour only helps.
 */
export function PointShape({ points, y }: { points: Point[]; y: number }) {
  const full = points.some((point) => point.mode === 'FULL');
  const hollow = points.every((point) => point.grade === 'CRASH');
  const kept = points.some((point) => point.protected);
  const several = points.length > 1;
  const look = `tm-point${hollow ? ' tm-hollow' : ''}${full ? ' tm-full' : ''}`;
  return (
    <g transform={`translate(0 ${y})`}>
      {several && <circle className="tm-several" r="7.5" />}
      {full ? <path className={look} d="M0-6.5 6.5 0 0 6.5-6.5 0Z" /> : <circle className={look} r={several ? 3.6 : 4.6} />}
      {kept && <path className="tm-flag" d="M0-8v-10h8l-2.2 3 2.2 3H0" />}
    </g>
  );
}

const SAMPLES: [string, Partial<Point>[]][] = [
  ['full', [{ mode: 'FULL', grade: 'FILESYSTEM' }]],
  ['incremental', [{ mode: 'INCREMENTAL', grade: 'FILESYSTEM' }]],
  ['several', [{ mode: 'INCREMENTAL', grade: 'FILESYSTEM' }, { mode: 'INCREMENTAL', grade: 'FILESYSTEM' }]],
  ['crash grade', [{ mode: 'INCREMENTAL', grade: 'CRASH' }]],
  ['protected', [{ mode: 'INCREMENTAL', grade: 'FILESYSTEM', protected: true }]],
];

export function Legend() {
  return (
    <ul className="tm-legend">
      {SAMPLES.map(([name, points]) => (
        <li key={name}>
          <svg width="22" height="28" aria-hidden="true">
            <g transform="translate(10 19)">
              <PointShape points={points as Point[]} y={0} />
            </g>
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}
