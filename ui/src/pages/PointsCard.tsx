import { Alert, Button, Card, CardBody, CardTitle } from '@patternfly/react-core';
import HistoryIcon from '@patternfly/react-icons/dist/esm/icons/history-icon';
import { useState } from 'react';
import { api, at } from '../api/client';
import type { Point, Problem } from '../api/types';
import { Ago } from '../components/Ago';
import { Empty } from '../components/Empty';
import { GradeLabel } from '../components/labels';
import { Loaded } from '../components/Loaded';
import { ProblemAlert } from '../components/ProblemAlert';
import { bytes } from '../format/bytes';
import { exact } from '../format/time';
import { MODE } from '../format/words';
import { useMay } from '../live/session';
import { problemOf, type Resource } from '../live/useResource';
import { Timeline } from '../timeline/Timeline';
import { PointTable } from './PointTable';

interface ChosenProps {
  point: Point;
  onRestore?: (point: Point) => void;
  onProtect?: (point: Point) => void;
}

/** Everything about the point that is chosen on the time line. */
function Chosen({ point, onRestore, onProtect }: ChosenProps) {
  const kept = point.protected ? 'protected by hand' : (point.keptBy ?? []).join(', ');
  return (
    <div className="tm-chosen-point" aria-live="polite">
      <div>
        <span className="tm-row">
          <strong>{exact(new Date(point.instant))}</strong>
          <span className="tm-subtle"><Ago at={point.instant} /></span>
          <GradeLabel grade={point.grade} />
        </span>
        <div className="tm-facts">
          <span>{MODE[point.mode]}, number {point.sequence}</span>
          <span>on {point.target}</span>
          {point.bytesShipped !== undefined && <span>{bytes(point.bytesShipped)} shipped</span>}
          {point.bytesStored !== undefined && <span>{bytes(point.bytesStored)} stored</span>}
          {point.freezeMillis !== undefined && <span>frozen for {Math.round(point.freezeMillis)} ms</span>}
          {kept && <span>kept: {kept}</span>}
          <span className="tm-mono tm-subtle">{point.pointId.slice(0, 12)}</span>
        </div>
      </div>
      <span className="tm-row">
        {onProtect && <Button variant="link" onClick={() => onProtect(point)}>{point.protected ? 'No longer protect' : 'Protect'}</Button>}
        {onRestore && <Button variant="secondary" onClick={() => onRestore(point)}>Restore this point</Button>}
      </span>
    </div>
  );
}

interface Props {
  points: Resource<Point[]>;
  onRestore?: (point: Point) => void;
  onBackup?: () => void;
}

export function PointsCard({ points, onRestore, onBackup }: Props) {
  const [picked, setPicked] = useState<string>();
  const [problem, setProblem] = useState<Problem>();
  const mayProtect = useMay('admin');
  const protect = async (point: Point) => {
    setProblem(undefined);
    try {
      await api.put(`${at('containers', point.container, 'points', point.pointId)}/protection`, { protected: !point.protected });
      points.reload();
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  return (
    <Card>
      <CardTitle component="h2">Recovery points</CardTitle>
      <CardBody>
        {problem && <ProblemAlert problem={problem} />}
        <Loaded resource={points}>
          {(all) => {
            const chosen = all.find((point) => point.pointId === picked) ?? all[0];
            if (!chosen) {
              return (
                <Empty title="No recovery point yet" icon={HistoryIcon} action={onBackup && <Button variant="link" onClick={onBackup}>Back up now</Button>}>
                  The first backup ships everything that is in use, the ones after it only what changed.
                </Empty>
              );
            }
            const onProtect = mayProtect ? protect : undefined;
            return (
              <div className="tm-points">
                <Timeline points={all} chosen={chosen.pointId} onChoose={setPicked} />
                <Chosen point={chosen} onRestore={onRestore} onProtect={onProtect} />
                {chosen.fullReason && <Alert isInline isPlain variant="info" title={`Everything was read: ${chosen.fullReason}`} />}
                <PointTable points={all} chosen={chosen.pointId} onChoose={setPicked} />
              </div>
            );
          }}
        </Loaded>
      </CardBody>
    </Card>
  );
}
