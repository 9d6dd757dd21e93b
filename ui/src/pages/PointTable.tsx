import { ExpandableSection, Label, Pagination } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useState } from 'react';
import type { Point } from '../api/types';
import { Ago } from '../components/Ago';
import { GradeLabel } from '../components/labels';
import { bytes } from '../format/bytes';
import { exact } from '../format/time';
import { MODE } from '../format/words';

const PER_PAGE = 15;

interface Props {
  points: Point[];
  chosen: string;
  onChoose: (pointId: string) => void;
}

/** The same points as a list, newest first, a page at a time. */
export function PointTable({ points, chosen, onChoose }: Props) {
  const [open, setOpen] = useState(false);
  const [page, setPage] = useState(1);
  const shown = points.slice((page - 1) * PER_PAGE, page * PER_PAGE);
  return (
    <ExpandableSection toggleText={`${open ? 'Hide' : 'Show'} all ${points.length} as a table`} isExpanded={open} onToggle={(_, next) => setOpen(next)}>
      <Table aria-label="Recovery points" variant="compact">
        <Thead>
          <Tr>
            <Th>Instant</Th>
            <Th>Kind</Th>
            <Th>Grade</Th>
            <Th>Target</Th>
            <Th>Shipped</Th>
            <Th>Stored</Th>
            <Th>Verified</Th>
            <Th screenReaderText="Marks" />
          </Tr>
        </Thead>
        <Tbody>
          {shown.map((point) => (
            <Tr key={point.pointId} isClickable isRowSelected={point.pointId === chosen} onRowClick={() => onChoose(point.pointId)}>
              <Td dataLabel="Instant">
                {exact(new Date(point.instant))} <span className="tm-subtle"><Ago at={point.instant} /></span>
              </Td>
              <Td dataLabel="Kind">{MODE[point.mode]}</Td>
              <Td dataLabel="Grade"><GradeLabel grade={point.grade} /></Td>
              <Td dataLabel="Target">{point.target}</Td>
              <Td dataLabel="Shipped">{bytes(point.bytesShipped ?? 0)}</Td>
              <Td dataLabel="Stored">{bytes(point.bytesStored ?? 0)}</Td>
              <Td dataLabel="Verified"><Ago at={point.verifiedAt} none="not yet" /></Td>
              <Td>{point.protected && <Label color="yellow" isCompact>Protected</Label>}</Td>
            </Tr>
          ))}
        </Tbody>
      </Table>
      {points.length > PER_PAGE && (
        <Pagination itemCount={points.length} perPage={PER_PAGE} page={page} onSetPage={(_, next) => setPage(next)} isCompact perPageOptions={[]} />
      )}
    </ExpandableSection>
  );
}
