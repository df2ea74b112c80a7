-- Tests of a project that are gone and of which nothing is known any more, nor will be without these
-- runs. $1 project, $2 runs, $3 the incidents that ended before this time go as well
select rule.rule_id
from data_quality.quality_rules as rule
where
    rule.project = $1
    and not rule.active
    and not exists (
        select 1
        from data_quality.quality_checks as checked
        where checked.rule_id = rule.rule_id and checked.run_id <> all ($2)
    )
    and not exists (
        select 1
        from data_quality.quality_incidents as incident
        where
            incident.rule_id = rule.rule_id
            and (incident.status <> 'resolved' or incident.resolved_at > $3)
    )
