-- Runs of a project that are too old, the oldest first, and whether they stay all the same: the last
-- check of a test of today on a target is in them. $1 project, $2 what began before may go, $3 the
-- newest so many stay
with targets as materialized (
    select distinct coalesce(target, '') as target
    from etl_orchestration.pipeline_runs
    where project = $1
), last_checks as materialized (
    select latest.run_id
    from data_quality.quality_rules as rule
    cross join targets
    cross join lateral (
        (
            select run_id
            from data_quality.quality_checks as checked
            where checked.rule_id = rule.rule_id and checked.target = targets.target
            order by checked.checked_at desc
            limit 1
        )
        union all
        (
            select run_id
            from data_quality.quality_checks as checked
            where
                checked.rule_id = rule.rule_id
                and checked.target = targets.target
                and checked.status <> 'skipped'
            order by checked.checked_at desc
            limit 1
        )
    ) as latest
    where rule.project = $1 and rule.active
)
select
    run.run_id,
    (extract(epoch from run.started_at) * 1000000)::bigint as started_us,
    run.run_id in (select run_id from last_checks) as stays
from (
    select run_id, started_at, status, row_number() over (order by started_at desc, run_id) as place
    from etl_orchestration.pipeline_runs
    where project = $1
) as run
where run.status <> 'running' and run.started_at < $2 and run.place > $3
order by run.started_at
