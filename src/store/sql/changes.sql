-- What changed from the check before to this one. $1 the check
select
    before.run_id,
    (extract(epoch from before.checked_at) * 1000000)::bigint as checked_us,
    before.row_columns,
    before.check_id,
    count(distinct failure.incident_id) filter (where incident.first_seen = failure.recorded_at)
        as new,
    count(distinct failure.incident_id) filter (where incident.first_seen < failure.recorded_at)
        as recurring
from data_quality.quality_checks as this
left join lateral (
    select *
    from data_quality.quality_checks as earlier
    where
        earlier.rule_id = this.rule_id
        and earlier.target = this.target
        and earlier.checked_at < this.checked_at
        and earlier.status not in ('skipped', 'error')
    order by earlier.checked_at desc
    limit 1
) as before on true
left join data_quality.quality_failures as failure on failure.check_id = this.check_id
left join data_quality.quality_incidents as incident
    on incident.incident_id = failure.incident_id
where this.check_id = $1
group by before.check_id, before.run_id, before.checked_at, before.row_columns
