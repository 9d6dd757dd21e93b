import { Field } from '../components/Field';
import type { TargetForm } from './targetForm';

/** Where on which server, and as whom. */
export function NfsFields({ form, change }: { form: TargetForm; change: (part: Partial<TargetForm>) => void }) {
  return (
    <>
      <Field id="server" label="Server" value={form.server} onChange={(server) => change({ server })} placeholder="nas.example.org" help="Name or address. The appliance speaks NFS version 3 to it; nothing is mounted." required />
      <Field id="exportPath" label="Export and folder" value={form.exportPath} onChange={(exportPath) => change({ exportPath })} placeholder="/srv/backups/tidemark" help="The path as the server exports it. The last folder is created if it is missing." required />
      <Field id="uid" label="User number" value={form.uid} onChange={(uid) => change({ uid })} placeholder="0" help="As whom files are written; needed where the server does not let root be root." />
      <Field id="gid" label="Group number" value={form.gid} onChange={(gid) => change({ gid })} placeholder="0" />
    </>
  );
}
