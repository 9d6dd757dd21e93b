import { Button, Switch } from '@patternfly/react-core';
import CalendarAltIcon from '@patternfly/react-icons/dist/esm/icons/calendar-alt-icon';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useState } from 'react';
import { api, at, listAll } from '../api/client';
import type { NewPolicy, Policy, Problem } from '../api/types';
import { Ago } from '../components/Ago';
import { ConfirmModal } from '../components/ConfirmModal';
import { Empty } from '../components/Empty';
import { Loaded } from '../components/Loaded';
import { Menu } from '../components/Menu';
import { PageFrame } from '../components/PageFrame';
import { ProblemAlert } from '../components/ProblemAlert';
import { useAddDialog } from '../components/useDialog';
import { useMay } from '../live/session';
import { problemOf, useResource } from '../live/useResource';
import { PolicyModal } from './PolicyModal';
import { bodyOf, retentionWords } from './policyForm';

export function PoliciesPage() {
  const policies = useResource('policies', () => listAll<Policy>('/policies'));
  const [adding, add, close] = useAddDialog();
  const [editing, setEditing] = useState<Policy>();
  const [removing, setRemoving] = useState<string>();
  const [problem, setProblem] = useState<Problem>();
  const mayAll = useMay('admin');
  const button = mayAll && <Button onClick={add}>Create policy</Button>;
  const enable = async (policy: Policy, enabled: boolean) => {
    setProblem(undefined);
    try {
      await api.put(at('policies', policy.name), { ...bodyOf(policy), enabled } satisfies NewPolicy);
      policies.reload();
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  return (
    <PageFrame title="Policies" description="Which containers, how often, where to, and how long to keep." actions={Boolean(policies.data?.length) && button}>
      {problem && <ProblemAlert problem={problem} />}
      <Loaded resource={policies}>
        {(data) =>
          data.length === 0 ? (
            <Empty title="No policy yet" icon={CalendarAltIcon} action={button}>
              A policy backs containers up by itself: every few minutes, or at set times. Add a target and a container first.
            </Empty>
          ) : (
            <Table aria-label="Policies">
              <Thead>
                <Tr>
                  <Th>Policy</Th>
                  <Th>Containers</Th>
                  <Th>When</Th>
                  <Th>Target</Th>
                  <Th>Keeps</Th>
                  <Th>Next</Th>
                  <Th>Last</Th>
                  <Th>Enabled</Th>
                  <Th screenReaderText="Actions" />
                </Tr>
              </Thead>
              <Tbody>
                {data.map((policy) => (
                  <Tr key={policy.name}>
                    <Td dataLabel="Policy">{policy.name}</Td>
                    <Td dataLabel="Containers">{policy.containers.join(', ')}</Td>
                    <Td dataLabel="When">{policy.sentence}</Td>
                    <Td dataLabel="Target">{policy.target}</Td>
                    <Td dataLabel="Keeps">{retentionWords(policy.retention)}</Td>
                    <Td dataLabel="Next"><Ago at={policy.enabled ? policy.nextRunAt : undefined} none="not planned" planned /></Td>
                    <Td dataLabel="Last"><Ago at={policy.lastRunAt} /></Td>
                    <Td dataLabel="Enabled">
                      <Switch id={`enabled-${policy.name}`} aria-label={`${policy.name} is enabled`} isChecked={policy.enabled} isDisabled={!mayAll} onChange={(_, enabled) => enable(policy, enabled)} />
                    </Td>
                    <Td isActionCell>
                      {mayAll && (
                        <Menu
                          label={`Actions for ${policy.name}`}
                          actions={[
                            { text: 'Edit', run: () => setEditing(policy) },
                            { text: 'Remove', run: () => setRemoving(policy.name), danger: true },
                          ]}
                        />
                      )}
                    </Td>
                  </Tr>
                ))}
              </Tbody>
            </Table>
          )
        }
      </Loaded>
      {(adding || editing) && (
        <PolicyModal
          policy={editing}
          onClose={() => (editing ? setEditing(undefined) : close())}
          onSaved={() => {
            setEditing(undefined);
            close();
            policies.reload();
          }}
        />
      )}
      {removing && (
        <ConfirmModal
          title={`Remove ${removing}?`}
          text="Its containers are no longer backed up by it. Their recovery points stay."
          submit="Remove"
          onConfirm={() => api.delete(at('policies', removing))}
          onClose={() => setRemoving(undefined)}
          onDone={policies.reload}
        />
      )}
    </PageFrame>
  );
}
