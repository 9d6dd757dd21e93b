import { Card, CardBody, CardTitle, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm, Icon } from '@patternfly/react-core';
import CheckCircleIcon from '@patternfly/react-icons/dist/esm/icons/check-circle-icon';
import ExclamationTriangleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon';
import type { ReactNode } from 'react';
import { api } from '../api/client';
import type { System } from '../api/types';
import { Ago } from '../components/Ago';
import { Loaded } from '../components/Loaded';
import { bytes } from '../format/bytes';
import { useResource } from '../live/useResource';
import './settings.css';

function facts(system: System): [string, ReactNode][] {
  const { deviceServer } = system;
  return [
    ['Version', system.version],
    ['Host', system.hostName],
    ['Running since', <Ago at={system.startedAt} />],
    ['Process', system.pid],
    ['Java', system.javaVersion],
    ['State folder', <span className="tm-mono">{system.stateFolder}</span>],
    ['Free there', bytes(system.freeBytes)],
    ['Device server', deviceServer.running ? `running, process ${deviceServer.pid}, ${deviceServer.devices ?? 0} devices` : 'not running: it is started when an image is attached'],
  ];
}

export function SystemTab() {
  const system = useResource('system', () => api.get<System>('/system'));
  return (
    <div className="tm-tab">
      <Loaded resource={system}>
        {(data) => (
          <>
            <Card>
              <CardTitle component="h2">This appliance</CardTitle>
              <CardBody>
                <DescriptionList columnModifier={{ default: '1Col', md: '2Col' }} isHorizontal isCompact>
                  {facts(data).map(([term, value]) => (
                    <DescriptionListGroup key={term}>
                      <DescriptionListTerm>{term}</DescriptionListTerm>
                      <DescriptionListDescription>{value}</DescriptionListDescription>
                    </DescriptionListGroup>
                  ))}
                </DescriptionList>
              </CardBody>
            </Card>
            <Card>
              <CardTitle component="h2">What this host can do</CardTitle>
              <CardBody>
                <ul className="tm-attention">
                  {data.checks.map((check) => (
                    <li key={check.name}>
                      <Icon status={check.ok ? 'success' : 'warning'} isInline>{check.ok ? <CheckCircleIcon /> : <ExclamationTriangleIcon />}</Icon>
                      <strong>{check.name}</strong>
                      <span>{check.detail}</span>
                    </li>
                  ))}
                </ul>
              </CardBody>
            </Card>
          </>
        )}
      </Loaded>
    </div>
  );
}
