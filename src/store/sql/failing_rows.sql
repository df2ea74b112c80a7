-- The failing rows of a check, each as new as it was then. $1 the check, $2 how many
select
    failure.row_data,
    case
        when incident.first_seen < failure.recorded_at then 'recurring'
        when incident.first_seen is not null then 'new'
    end as change
from data_quality.quality_failures as failure
left join data_quality.quality_incidents as incident using (incident_id)
where failure.check_id = $1
order by failure.row_number
limit $2
