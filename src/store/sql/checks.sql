-- $1 project or null, $2 name or unique_id of a test, or name of its node, or null for all that
-- did not pass, $3 start of a run_id as text or null for the last check of each rule
with candidates as (
    select
        checked.*, rule.unique_id, rule.name, rule.node_name, rule.column_name, rule.kind,
        rule.owner, rule.context,
        row_number() over (
            partition by checked.rule_id order by checked.checked_at desc, checked.check_id
        ) as age
    from data_quality.quality_checks as checked
    join data_quality.quality_rules as rule using (rule_id)
    where
        ($1::text is null or rule.project = $1)
        and ($2::text is null or $2 in (rule.unique_id, rule.name, rule.node_name))
        and ($3::text is null or starts_with(checked.run_id::text, $3))
        and (checked.status <> 'skipped' or $3 is not null)
)
select
    check_id, run_id, unique_id, name, node_name, column_name, kind, owner, context, status,
    failures, severity, message,
    (extract(epoch from checked_at) * 1000000)::bigint as checked_us
from candidates
where age = 1 and ($2::text is not null or status in ('warn', 'fail', 'error'))
order by
    array_position(array['fail', 'error', 'warn', 'skipped', 'pass'], status), name, unique_id
