insert into data_quality.quality_checks (
    check_id, run_id, rule_id, target, status, failures, severity, warn_if, error_if, duration_ms,
    message, checked_at, compiled_sql_hash, row_columns, key_columns, rows_complete
)
select
    check_id, run_id, rule_id, target, status, failures, severity, warn_if, error_if, duration_ms,
    message, checked_at, compiled_sql_hash,
    case when row_columns is not null then array(
        select name
        from json_array_elements_text(row_columns::json) with ordinality as of_row (name, place)
        order by place
    ) end,
    key_columns, rows_complete
-- An array for each column; the columns of a check's rows are JSON.
from unnest(
    $1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
    $9::text[], $10::bigint[], $11::text[], $12::timestamptz[], $13::text[], $14::text[], $15::int[],
    $16::bool[]
) as checked (
    check_id, run_id, rule_id, target, status, failures, severity, warn_if, error_if, duration_ms,
    message, checked_at, compiled_sql_hash, row_columns, key_columns, rows_complete
)
on conflict do nothing
