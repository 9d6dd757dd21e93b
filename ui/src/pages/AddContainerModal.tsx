import { Alert, Button, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm, FormGroup, Radio } from '@patternfly/react-core';
import { useState } from 'react';
import { api } from '../api/client';
import type { ContainerSource, Discovery, Problem } from '../api/types';
import { Field, nameError } from '../components/Field';
import { FormModal } from '../components/FormModal';
import { ProblemAlert } from '../components/ProblemAlert';
import { bytes } from '../format/bytes';
import { problemOf } from '../live/useResource';

type Way = 'image' | 'mount' | 'runc';

const WAYS: Record<Way, { label: string; field: string; placeholder: string; help: string }> = {
  image: { label: 'By its image', field: 'Image', placeholder: '/srv/ct/web', help: 'A folder with DiskDescriptor.xml, or a single image file, on the appliance\'s host.' },
  mount: { label: 'By its mount point', field: 'Mount point', placeholder: '/srv/root/web', help: 'Where its file system is mounted; the image behind it is found.' },
  runc: { label: 'By its runc id', field: 'runc id', placeholder: 'web', help: 'A container that runc knows; its root file system and images are found.' },
};

function sourceOf(way: Way, value: string): ContainerSource {
  switch (way) {
    case 'image':
      return { images: [{ path: value }] };
    case 'mount':
      return { mount: value };
    case 'runc':
      return { runc: { id: value } };
  }
}

/** A name to begin with: the last part of what was found. */
function suggested(value: string): string {
  const last = value.replace(/\/+$/, '').split('/').pop() ?? '';
  return nameError(last) ? '' : last;
}

function Found({ found }: { found: Discovery }) {
  return (
    <>
      <DescriptionList isHorizontal isCompact aria-label="Found">
        {found.images.map((image) => (
          <DescriptionListGroup key={image.id}>
            <DescriptionListTerm>Image {image.id}</DescriptionListTerm>
            <DescriptionListDescription>
              <span className="tm-mono">{image.path}</span>
              <div className="tm-subtle">
                {[
                  image.format,
                  image.sizeBytes !== undefined && bytes(image.sizeBytes),
                  image.fileSystem,
                  image.mountPoint && `mounted at ${image.mountPoint}`,
                  image.attached ? `attached as ${image.blockDevice ?? 'a device'}` : 'not attached',
                ].filter(Boolean).join(', ')}
              </div>
              {image.problem && <div>{image.problem}</div>}
            </DescriptionListDescription>
          </DescriptionListGroup>
        ))}
      </DescriptionList>
      {(found.notices ?? []).map((notice) => <Alert key={notice} isInline isPlain variant="info" title={notice} />)}
    </>
  );
}

export function AddContainerModal({ onClose, onAdded }: { onClose: () => void; onAdded: (name: string) => void }) {
  const [way, setWay] = useState<Way>('image');
  const [value, setValue] = useState('');
  const [name, setName] = useState('');
  const [found, setFound] = useState<Discovery>();
  const [problem, setProblem] = useState<Problem>();
  const [looking, setLooking] = useState(false);

  const change = (nextWay: Way, nextValue: string) => {
    setWay(nextWay);
    setValue(nextValue);
    setFound(undefined);
    setProblem(undefined);
  };
  const discover = async () => {
    setLooking(true);
    setProblem(undefined);
    try {
      setFound(await api.post<Discovery>('/containers/discover', sourceOf(way, value)));
      setName((before) => before || suggested(value));
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setLooking(false);
    }
  };
  const save = async () => {
    await api.post('/containers', { name, ...sourceOf(way, value) });
    onAdded(name);
  };
  const look = WAYS[way];
  return (
    <FormModal
      title="Add a container"
      description="Look first: what is found is shown before it is saved."
      submit={found ? 'Add container' : 'Look'}
      ready={value !== '' && !looking && (!found || (name !== '' && !nameError(name)))}
      onSubmit={found ? save : discover}
      onClose={onClose}
      extra={found && <Button variant="secondary" onClick={() => setFound(undefined)}>Look elsewhere</Button>}
    >
      {!found && (
        <FormGroup role="radiogroup" label="How to find it" isInline>
          {(Object.keys(WAYS) as Way[]).map((key) => (
            <Radio key={key} id={`way-${key}`} name="way" label={WAYS[key].label} isChecked={way === key} onChange={() => change(key, '')} />
          ))}
        </FormGroup>
      )}
      {!found && <Field id="source" label={look.field} value={value} onChange={(next) => change(way, next)} placeholder={look.placeholder} help={look.help} required autoFocus />}
      {problem && <ProblemAlert problem={problem} />}
      {found && <Found found={found} />}
      {found && <Field id="name" label="Name" value={name} onChange={setName} help="How it is called here, in policies and on the command line." error={nameError(name)} required />}
    </FormModal>
  );
}
