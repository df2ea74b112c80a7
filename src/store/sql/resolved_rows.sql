-- Rows that one check listed and a later one, which knew all, did not. $1 the later, $2 the earlier
-- check
select row_data
from (
    select distinct on (failure.incident_id) failure.row_data, failure.row_number
    from data_quality.quality_failures as failure
    where
        failure.check_id = $2
        and failure.incident_id is not null
        and not exists (
            select 1
            from data_quality.quality_failures as later
            where later.check_id = $1 and later.incident_id = failure.incident_id
        )
    order by failure.incident_id, failure.row_number
) as resolved
order by row_number
