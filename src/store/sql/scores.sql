-- How well each context and owner does. $1 project, $2 target, $3 the first day, $4 the first day of
-- the time before, both as text. Points and weights as in quality_reports.
with scored as (
    select
        context, owner,
        sum(points) filter (where day >= $3::text::date) as points,
        sum(weight) filter (where day >= $3::text::date) as weight,
        sum(points) filter (where day < $3::text::date) as points_before,
        sum(weight) filter (where day < $3::text::date) as weight_before
    from data_quality.quality_reports
    where project = $1 and target = $2 and day >= $4::text::date
    group by context, owner
), latest as (
    select
        rule.context, rule.owner,
        count(*) as tests,
        count(*) filter (where checked.status = 'pass') as passed,
        count(*) filter (where checked.status = 'warn') as warned,
        count(*) filter (where checked.status in ('fail', 'error')) as failed
    from data_quality.quality_rules as rule
    cross join lateral (
        select status
        from data_quality.quality_checks
        where
            quality_checks.rule_id = rule.rule_id
            and quality_checks.target = $2
            and quality_checks.checked_at >= $3::text::date::timestamp at time zone 'UTC'
            and quality_checks.status <> 'skipped'
        order by quality_checks.checked_at desc
        limit 1
    ) as checked
    where rule.project = $1
    group by rule.context, rule.owner
), alive as (
    select rule_id, status
    from data_quality.quality_incidents
    where target = $2 and status <> 'resolved'
    union all
    select rule_id, status
    from data_quality.quality_incidents
    where
        target = $2
        and status = 'resolved'
        and resolved_at >= $3::text::date::timestamp at time zone 'UTC'
), failing as (
    select
        rule.context, rule.owner,
        count(*) filter (where alive.status = 'new') as new,
        count(*) filter (where alive.status = 'recurring') as recurring,
        count(*) filter (where alive.status = 'resolved') as resolved
    from data_quality.quality_rules as rule
    inner join alive using (rule_id)
    where rule.project = $1
    group by rule.context, rule.owner
)
select
    scored.context, scored.owner,
    coalesce(latest.tests, 0) as tests,
    coalesce(latest.passed, 0) as passed,
    coalesce(latest.warned, 0) as warned,
    coalesce(latest.failed, 0) as failed,
    coalesce(failing.new, 0) as new,
    coalesce(failing.recurring, 0) as recurring,
    coalesce(failing.resolved, 0) as resolved,
    scored.points::float8 as points, scored.weight::float8 as weight,
    scored.points_before::float8 as points_before, scored.weight_before::float8 as weight_before
from scored
left join latest
    on latest.context is not distinct from scored.context
    and latest.owner is not distinct from scored.owner
left join failing
    on failing.context is not distinct from scored.context
    and failing.owner is not distinct from scored.owner
order by scored.points / nullif(scored.weight, 0) nulls last, scored.context, scored.owner
