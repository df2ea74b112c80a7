insert into security_audit.audit_logs (
    audit_id, invocation_id, event, occurred_at, os_user, host, pid, command, arguments, project,
    target, version, exit_code, result, duration_ms
)
select
    audit_id, invocation_id, event, occurred_at, os_user, host, pid, command, arguments, project,
    target, version, exit_code, result, duration_ms
from jsonb_to_recordset($1::text::jsonb) as happened (
    audit_id uuid, invocation_id uuid, event text, occurred_at timestamptz, os_user text,
    host text, pid int, command text, arguments text, project text, target text, version text,
    exit_code int, result text, duration_ms bigint
)
on conflict do nothing
