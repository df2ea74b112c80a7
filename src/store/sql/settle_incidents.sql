-- A failing row is resolved by the first check after its last sighting that knew all failing rows
-- of the rule. $1, $2 and $3 the rules, targets and times of the checks that were written: whatever
-- came before or after them is in the tables, so the order in which runs arrive does not matter.
with written as (
    select rule_id, target, min(checked_at) as checked_at
    from unnest($1::uuid[], $2::text[], $3::timestamptz[]) as checked (rule_id, target, checked_at)
    group by rule_id, target
), settled as (
    select incident.incident_id, ending.checked_at
    from written
    cross join lateral (
        select incident_id, last_seen, resolved_at
        from data_quality.quality_incidents as alive
        where
            alive.rule_id = written.rule_id
            and alive.target = written.target
            and alive.status <> 'resolved'
        union all
        -- A check that arrives late may have been the first one without the row.
        select incident_id, last_seen, resolved_at
        from data_quality.quality_incidents as ended
        where
            ended.rule_id = written.rule_id
            and ended.target = written.target
            and ended.status = 'resolved'
            and ended.resolved_at > written.checked_at
    ) as incident
    cross join lateral (
        select min(quality_checks.checked_at) as checked_at
        from data_quality.quality_checks
        where
            quality_checks.rule_id = written.rule_id
            and quality_checks.target = written.target
            and quality_checks.rows_complete
            and quality_checks.checked_at > incident.last_seen
    ) as ending
    where ending.checked_at < coalesce(incident.resolved_at, 'infinity')
)
update data_quality.quality_incidents as incident
set status = 'resolved', resolved_at = settled.checked_at
from settled
where incident.incident_id = settled.incident_id
