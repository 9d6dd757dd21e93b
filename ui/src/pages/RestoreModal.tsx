import { Alert, Button, FormGroup, FormSelect, FormSelectOption, Modal, ModalBody, ModalFooter, ModalHeader, Radio, TextInput } from '@patternfly/react-core';
import { useState } from 'react';
import { Link } from 'react-router-dom';
import { api, at } from '../api/client';
import type { Container, Job, JobRequest, Point } from '../api/types';
import { Field, Help } from '../components/Field';
import { FormModal } from '../components/FormModal';
import { JobOutcome } from '../components/JobOutcome';
import { exact } from '../format/time';
import { useLive } from '../live/LiveProvider';
import { localInput, pointAt } from './restoreChoice';

type Way = 'latest' | 'point' | 'time';

interface Props {
  container: Container;
  points: Point[];
  /** The point to begin with, if the user came from one. */
  point?: Point;
  onClose: () => void;
}

/** Follows the job that was begun until it is over; closing the dialog does not stop it. */
function Following({ begun, onClose }: { begun: Job; onClose: () => void }) {
  const { jobs } = useLive();
  const job = jobs.get(begun.id) ?? begun;
  return (
    <Modal isOpen variant="medium" onClose={onClose} aria-label="Restore">
      <ModalHeader title={`Restore of ${job.container}`} />
      <ModalBody>
        <JobOutcome job={job} />
      </ModalBody>
      <ModalFooter>
        <Button onClick={onClose}>Close</Button>
        <Link to={at('jobs', job.id)}>Job and its log</Link>
      </ModalFooter>
    </Modal>
  );
}

export function RestoreModal({ container, points, point, onClose }: Props) {
  const [way, setWay] = useState<Way>(point ? 'point' : 'latest');
  const [picked, setPicked] = useState(point?.pointId ?? points[0]?.pointId ?? '');
  const [time, setTime] = useState(() => localInput(new Date()));
  const [destination, setDestination] = useState(() => `${container.images[0]?.path ?? ''}-restored`);
  const [image, setImage] = useState(container.images[0]?.id ?? '');
  const [begun, setBegun] = useState<Job>();

  const chosen = way === 'latest' ? points[0] : way === 'point' ? points.find((item) => item.pointId === picked) : pointAt(points, new Date(time));
  const several = container.images.length > 1;
  const begin = async () => {
    const request: JobRequest = {
      kind: 'RESTORE',
      container: container.name,
      target: chosen?.target,
      point: chosen?.pointId,
      destination,
      ...(several ? { image } : {}),
    };
    setBegun(await api.post<Job>('/jobs', request));
  };

  if (begun) {
    return <Following begun={begun} onClose={onClose} />;
  }
  return (
    <FormModal
      title={`Restore ${container.name}`}
      description="A new image is written; the running container and its image are not touched."
      submit="Restore"
      ready={chosen !== undefined && destination !== ''}
      onSubmit={begin}
      onClose={onClose}
    >
      <FormGroup role="radiogroup" label="Which state" fieldId="which">
        <Radio id="restore-latest" name="which" label="The newest" description={points[0] && exact(new Date(points[0].instant))} isChecked={way === 'latest'} onChange={() => setWay('latest')} />
        <Radio
          id="restore-point"
          name="which"
          label="A recovery point"
          isChecked={way === 'point'}
          onChange={() => setWay('point')}
          body={way === 'point' && (
            <FormSelect aria-label="Recovery point" value={picked} onChange={(_, next) => setPicked(next)}>
              {points.map((item) => <FormSelectOption key={item.pointId + item.target} value={item.pointId} label={`${exact(new Date(item.instant))}, ${item.target}`} />)}
            </FormSelect>
          )}
        />
        <Radio
          id="restore-time"
          name="which"
          label="As it was at a time"
          isChecked={way === 'time'}
          onChange={() => setWay('time')}
          body={way === 'time' && (
            <>
              <TextInput type="datetime-local" step="1" aria-label="Time" value={time} onChange={(_, next) => setTime(next)} />
              <Help error={chosen ? undefined : 'There is no recovery point that old.'}>{chosen && `The newest point until then: ${exact(new Date(chosen.instant))}`}</Help>
            </>
          )}
        />
      </FormGroup>
      {several && (
        <FormGroup label="Image" fieldId="restore-image">
          <FormSelect id="restore-image" value={image} onChange={(_, next) => setImage(next)}>
            {container.images.map((item) => <FormSelectOption key={item.id} value={item.id} label={`${item.id} (${item.path})`} />)}
          </FormSelect>
        </FormGroup>
      )}
      <Field
        id="destination"
        label="Destination"
        value={destination}
        onChange={setDestination}
        help="A path on the appliance's host where nothing is yet. A folder with DiskDescriptor.xml is made there."
        required
      />
      {chosen?.grade === 'CRASH' && (
        <Alert isInline isPlain variant="info" title="This point is as after pulling the plug: the journal is replayed at the first mount." />
      )}
    </FormModal>
  );
}
