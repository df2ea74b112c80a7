-- Incidents of a project that ended before a time, up to so many. $1 project, $2 time, $3 how many
select incident.incident_id
from data_quality.quality_incidents as incident
inner join data_quality.quality_rules as rule using (rule_id)
where rule.project = $1 and incident.status = 'resolved' and incident.resolved_at <= $2
limit $3
