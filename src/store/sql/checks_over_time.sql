-- The last checks of each test, the oldest first. $1 project, $2 target, $3 how many
select rule.unique_id, past.*
from data_quality.quality_rules as rule
cross join lateral (
    select
        array_agg((extract(epoch from checked_at) * 1000)::bigint order by checked_at) as at_ms,
        array_agg(status order by checked_at) as statuses,
        array_agg(duration_ms order by checked_at) as durations,
        array_agg(failures order by checked_at) as counts,
        (array_agg(message order by checked_at desc))[1] as message
    from (
        select checked_at, status, duration_ms, failures, message
        from data_quality.quality_checks
        where quality_checks.rule_id = rule.rule_id and quality_checks.target = $2
        order by quality_checks.checked_at desc
        limit $3
    ) as recent
) as past
where rule.project = $1 and rule.active and past.at_ms is not null
