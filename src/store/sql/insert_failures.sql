-- Failing rows, and the life of each: a row that is here already is not counted again, and what
-- comes late moves only the end that it is beyond. settle_incidents.sql says what is resolved.
with given as materialized (
    select *
    from jsonb_to_recordset($1::text::jsonb) as failure (
        check_id uuid, run_id uuid, rule_id uuid, target text, row_number int, row_data jsonb,
        incident_id uuid, row_key jsonb, recorded_at timestamptz
    )
), kept as (
    insert into data_quality.quality_failures (
        check_id, run_id, rule_id, row_number, row_data, incident_id, row_key, recorded_at
    )
    select check_id, run_id, rule_id, row_number, row_data, incident_id, row_key, recorded_at
    from given
    on conflict do nothing
    returning check_id, row_number
), seen as (
    select
        incident_id, rule_id, target,
        (array_agg(coalesce(row_key, row_data)))[1] as row_key,
        count(distinct check_id) as times_seen,
        min(recorded_at) as first_seen,
        max(recorded_at) as last_seen,
        (array_agg(run_id order by recorded_at))[1] as first_run_id,
        (array_agg(run_id order by recorded_at desc))[1] as last_run_id
    from given
    inner join kept using (check_id, row_number)
    where incident_id is not null
    group by incident_id, rule_id, target
)
insert into data_quality.quality_incidents as incident (
    incident_id, rule_id, target, row_key, status, times_seen, first_seen, last_seen,
    first_run_id, last_run_id
)
select
    incident_id, rule_id, target, row_key,
    case when times_seen = 1 then 'new' else 'recurring' end,
    times_seen, first_seen, last_seen, first_run_id, last_run_id
from seen
order by incident_id
on conflict (incident_id) do update
set
    status = case when excluded.last_seen < incident.resolved_at then 'resolved' else 'recurring' end,
    resolved_at = case when excluded.last_seen < incident.resolved_at then incident.resolved_at end,
    times_seen = incident.times_seen + excluded.times_seen,
    first_seen = least(incident.first_seen, excluded.first_seen),
    last_seen = greatest(incident.last_seen, excluded.last_seen),
    first_run_id = case
        when excluded.first_seen < incident.first_seen then excluded.first_run_id
        else incident.first_run_id
    end,
    last_run_id = case
        when excluded.last_seen > incident.last_seen then excluded.last_run_id
        else incident.last_run_id
    end
