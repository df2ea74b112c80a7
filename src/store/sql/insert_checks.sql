insert into data_quality.quality_checks (
    check_id, run_id, rule_id, target, status, failures, severity, warn_if, error_if, duration_ms,
    message, checked_at, compiled_sql_hash, row_columns, key_columns, rows_complete
)
select
    check_id, run_id, rule_id, target, status, failures, severity, warn_if, error_if, duration_ms,
    message, checked_at, compiled_sql_hash, row_columns, key_columns, rows_complete
from json_to_recordset($1::text::json) as checked (
    check_id uuid, run_id uuid, rule_id uuid, target text, status text, failures bigint,
    severity text, warn_if text, error_if text, duration_ms bigint, message text,
    checked_at timestamptz, compiled_sql_hash text, row_columns text[], key_columns int, rows_complete bool
)
on conflict do nothing
