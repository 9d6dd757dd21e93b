import { ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import type { Point } from '../api/types';
import { useNow } from '../components/Ago';
import { exact } from '../format/time';
import { fittingRange, marks, moved, spanOf, ticks, type Mark, type Range } from './layout';
import { Legend, PointShape } from './PointShape';

const HEIGHT = 150;
const FLOOR = 112;
const SIDE = 20;
const GAP = 13;

const RANGES: [Range, string][] = [['day', 'Day'], ['week', 'Week'], ['month', 'Month'], ['all', 'All']];

/** The width of an element, also after the window changed. */
function useWidth() {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(900);
  useEffect(() => {
    const element = ref.current;
    if (!element) {
      return;
    }
    const observer = new ResizeObserver(() => setWidth(Math.max(280, element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { ref, width };
}

function nameOf(mark: Mark, points: Map<string, Point>): string {
  const newest = points.get(mark.ids[mark.ids.length - 1]!)!;
  return mark.ids.length === 1 ? `Recovery point of ${exact(new Date(newest.instant))}` : `${mark.ids.length} recovery points up to ${exact(new Date(newest.instant))}`;
}

interface Props {
  points: Point[];
  chosen: string | undefined;
  onChoose: (pointId: string) => void;
}

/** Recovery points over time. One mark is chosen; arrow keys move the choice, the range buttons zoom. */
export function Timeline({ points, chosen, onChoose }: Props) {
  const now = useNow(60_000).getTime();
  const times = useMemo(() => points.map((point) => Date.parse(point.instant)), [points]);
  const [picked, setPicked] = useState<Range>();
  const { ref, width } = useWidth();
  const [focused, setFocused] = useState(false);

  const range = picked ?? fittingRange(times, now);
  const newest = times.length === 0 ? now : Math.max(...times);
  const byId = useMemo(() => new Map(points.map((point) => [point.pointId, point])), [points]);
  const span = spanOf(range, Math.max(now, newest), times.length === 0 ? undefined : Math.min(...times));
  const inner = width - 2 * SIDE;
  const spots = points.map((point, i) => ({ id: point.pointId, time: times[i]!, weight: point.bytesShipped ?? 0 }));
  const drawn = marks(spots, span, inner, FLOOR - 26, GAP);
  const current = drawn.findIndex((mark) => chosen !== undefined && mark.ids.includes(chosen));
  const choose = (mark: Mark | undefined) => mark && onChoose(mark.ids[mark.ids.length - 1]!);

  const onKeyDown = (event: KeyboardEvent) => {
    const next = moved(event.key, current < 0 ? drawn.length : current, drawn.length);
    if (next !== undefined) {
      event.preventDefault();
      choose(drawn[next]);
    }
  };

  return (
    <div className="tm-timeline">
      <div className="tm-timeline-head">
        <Legend />
        <ToggleGroup aria-label="Range of time" isCompact>
          {RANGES.map(([value, text]) => (
            <ToggleGroupItem key={value} text={text} buttonId={`range-${value}`} isSelected={range === value} onChange={() => setPicked(value)} />
          ))}
        </ToggleGroup>
      </div>
      <div ref={ref}>
        <svg
          width={width}
          height={HEIGHT}
          role="listbox"
          aria-label={`Recovery points, ${drawn.length === 0 ? 'none in this range' : 'use the arrow keys'}`}
          aria-activedescendant={current >= 0 ? `mark-${current}` : undefined}
          tabIndex={0}
          onKeyDown={onKeyDown}
          onFocus={() => setFocused(true)}
          onBlur={() => setFocused(false)}
        >
          <g transform={`translate(${SIDE} 0)`}>
            {ticks(span, inner, 76).map((tick) => (
              <g key={tick.time} transform={`translate(${tick.x} 0)`} className="tm-tick">
                <line y1="8" y2={FLOOR} />
                <text y={FLOOR + 24}>{tick.label}</text>
              </g>
            ))}
            <line className="tm-floor" x1={-SIDE} x2={inner + SIDE} y1={FLOOR} y2={FLOOR} />
            {drawn.map((mark, i) => (
              <g
                key={mark.ids[0]}
                id={`mark-${i}`}
                role="option"
                aria-selected={i === current}
                aria-label={nameOf(mark, byId)}
                transform={`translate(${mark.x} ${FLOOR})`}
                className={`tm-mark${i === current ? ' tm-chosen' : ''}${focused ? ' tm-focused' : ''}`}
                onClick={() => choose(mark)}
              >
                <title>{nameOf(mark, byId)}</title>
                <rect x={-GAP / 2} y={-FLOOR} width={GAP} height={FLOOR} fill="transparent" />
                <line className="tm-stem" y2={-mark.height} />
                <PointShape points={mark.ids.map((id) => byId.get(id)!)} y={-mark.height} />
              </g>
            ))}
            {drawn.length === 0 && (
              <text x={inner / 2} y={FLOOR / 2} className="tm-none">
                No recovery point in this range
              </text>
            )}
          </g>
        </svg>
      </div>
    </div>
  );
}
