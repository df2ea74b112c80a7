-- The tests that cost most of the score. $1 project, $2 target, $3 the first day as text, $4 how many
select
    rule.unique_id, rule.name, rule.node_name, rule.column_name, rule.severity, rule.context,
    rule.owner, latest.status, latest.failures, recent.checks, recent.bad
from data_quality.quality_rules as rule
cross join lateral (
    select status, failures
    from data_quality.quality_checks
    where
        quality_checks.rule_id = rule.rule_id
        and quality_checks.target = $2
        and quality_checks.status <> 'skipped'
    order by quality_checks.checked_at desc
    limit 1
) as latest
cross join lateral (
    select
        count(*) as checks,
        count(*) filter (where status <> 'pass') as bad,
        sum(
            case severity when 'warn' then 1.0 else 2.0 end
            * case status when 'pass' then 0.0 when 'warn' then 0.5 else 1.0 end
        ) as lost
    from data_quality.quality_checks
    where
        quality_checks.rule_id = rule.rule_id
        and quality_checks.target = $2
        and quality_checks.checked_at >= $3::text::date::timestamp at time zone 'UTC'
        and quality_checks.status <> 'skipped'
) as recent
where rule.project = $1 and rule.active and recent.bad > 0
order by recent.lost / recent.checks desc, latest.failures desc nulls last, rule.name, rule.unique_id
limit $4
