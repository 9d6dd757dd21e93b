import { Link } from 'react-router-dom';
import { Empty } from '../components/Empty';
import { PageFrame } from '../components/PageFrame';

export function NotFoundPage() {
  return (
    <PageFrame title="Not found">
      <Empty title="There is no such page" action={<Link to="/">Go to the overview</Link>}>
        The address may be mistyped, or what it showed was removed.
      </Empty>
    </PageFrame>
  );
}
