insert into data_quality.quality_checks (
    check_id, run_id, rule_id, status, failures, severity, warn_if, error_if, duration_ms, message,
    checked_at
)
select
    check_id, run_id, rule_id, status, failures, severity, warn_if, error_if, duration_ms, message,
    checked_at
from jsonb_to_recordset($1::text::jsonb) as checked (
    check_id uuid, run_id uuid, rule_id uuid, status text, failures bigint, severity text,
    warn_if text, error_if text, duration_ms bigint, message text, checked_at timestamptz
)
on conflict do nothing
