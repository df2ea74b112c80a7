-- The last check of each rule that matches. $1 project or null, $2 name or unique_id of a test, or
-- name of its node, or null for all that did not pass, $3 target or null
select
    checked.check_id, checked.run_id, rule.unique_id, rule.name, rule.node_name, rule.column_name,
    rule.kind, rule.owner, rule.context, checked.status, checked.failures, checked.severity,
    checked.message, checked.row_columns, checked.key_columns, checked.rows_complete,
    (extract(epoch from checked.checked_at) * 1000000)::bigint as checked_us
from data_quality.quality_rules as rule
cross join lateral (
    select *
    from data_quality.quality_checks
    where
        quality_checks.rule_id = rule.rule_id
        and ($3::text is null or quality_checks.target = $3)
        and quality_checks.status <> 'skipped'
    order by quality_checks.checked_at desc, quality_checks.check_id
    limit 1
) as checked
where
    ($1::text is null or rule.project = $1)
    and (
        $2::text in (rule.unique_id, rule.name, rule.node_name)
        or $2::text is null
        and checked.status in ('warn', 'fail', 'error')
        and rule.active
    )
order by
    array_position(array['fail', 'error', 'warn', 'skipped', 'pass'], checked.status),
    rule.name, rule.unique_id
