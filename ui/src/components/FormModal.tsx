import { Button, Form, Modal, ModalBody, ModalFooter, ModalHeader, type ModalProps } from '@patternfly/react-core';
import { useState, type FormEvent, type ReactNode } from 'react';
import type { Problem } from '../api/types';
import { problemOf } from '../live/useResource';
import { ProblemAlert } from './ProblemAlert';

interface Props {
  title: string;
  description?: ReactNode;
  submit: string;
  danger?: boolean;
  ready?: boolean;
  size?: ModalProps['variant'];
  onSubmit: () => Promise<unknown>;
  onClose: () => void;
  /** More buttons, beside the one that submits. */
  extra?: ReactNode;
  children?: ReactNode;
}

/** A dialog with a form: stays open and says what went wrong until it worked. */
export function FormModal({ title, description, submit, danger, ready = true, size = 'medium', onSubmit, onClose, extra, children }: Props) {
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const go = async (event: FormEvent) => {
    event.preventDefault();
    if (!ready || busy) {
      return;
    }
    setBusy(true);
    setProblem(undefined);
    try {
      await onSubmit();
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal isOpen variant={size} onClose={onClose} aria-label={title}>
      <ModalHeader title={title} description={description} />
      <ModalBody>
        <Form id="dialog" onSubmit={go} noValidate>
          {children}
          {problem && <ProblemAlert problem={problem} />}
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="dialog" variant={danger ? 'danger' : 'primary'} isDisabled={!ready || busy} isLoading={busy}>
          {submit}
        </Button>
        {extra}
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}
