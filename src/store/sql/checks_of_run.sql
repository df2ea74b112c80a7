-- The checks of a run. $1 project or null, $2 name or unique_id of a test, or name of its node, or
-- null for all that did not pass, $3 start of a run_id as text
select
    checked.check_id, checked.run_id, rule.unique_id, rule.name, rule.node_name, rule.column_name,
    rule.kind, rule.owner, rule.context, checked.status, checked.failures, checked.severity,
    checked.message, checked.row_columns, checked.key_columns, checked.rows_complete,
    (extract(epoch from checked.checked_at) * 1000000)::bigint as checked_us
from etl_orchestration.pipeline_runs as run
inner join data_quality.quality_checks as checked using (run_id)
inner join data_quality.quality_rules as rule using (rule_id)
where
    starts_with(run.run_id::text, $3)
    and ($1::text is null or rule.project = $1)
    and (
        $2::text in (rule.unique_id, rule.name, rule.node_name)
        or $2::text is null
        and checked.status in ('warn', 'fail', 'error')
    )
order by
    array_position(array['fail', 'error', 'warn', 'skipped', 'pass'], checked.status),
    rule.name, rule.unique_id, checked.checked_at desc
