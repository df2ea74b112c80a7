select row_data
from data_quality.quality_failures
where check_id = $1
order by row_number
limit $2
