insert into data_quality.quality_failures (
    check_id, run_id, rule_id, row_number, row_data, incident_id, row_key, recorded_at
)
select check_id, run_id, rule_id, row_number, row_data, incident_id, row_key, recorded_at
from jsonb_to_recordset($1::text::jsonb) as failure (
    check_id uuid, run_id uuid, rule_id uuid, row_number int, row_data jsonb, incident_id uuid,
    row_key jsonb, recorded_at timestamptz
)
on conflict do nothing
