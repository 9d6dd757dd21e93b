import { Tab, Tabs, TabTitleText } from '@patternfly/react-core';
import { useNavigate, useParams } from 'react-router-dom';
import { PageFrame } from '../components/PageFrame';
import { useMay } from '../live/session';
import { SystemTab } from './SystemTab';
import { TokensTab } from './TokensTab';
import { UsersTab } from './UsersTab';

export function SettingsPage() {
  const mayAll = useMay('admin');
  const navigate = useNavigate();
  const asked = useParams()['tab'] ?? 'users';
  const tab = mayAll ? asked : 'system';
  return (
    <PageFrame title="Settings">
      <Tabs activeKey={tab} onSelect={(_, key) => navigate(`/settings/${key}`)} aria-label="Settings" mountOnEnter unmountOnExit>
        {mayAll && <Tab eventKey="users" title={<TabTitleText>Users</TabTitleText>}><UsersTab /></Tab>}
        {mayAll && <Tab eventKey="tokens" title={<TabTitleText>Tokens</TabTitleText>}><TokensTab /></Tab>}
        <Tab eventKey="system" title={<TabTitleText>System</TabTitleText>}><SystemTab /></Tab>
      </Tabs>
    </PageFrame>
  );
}
