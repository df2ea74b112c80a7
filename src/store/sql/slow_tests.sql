-- $1 project, $2 target, $3 how many
select unique_id, name, context, owner, duration_ms, median_ms
from data_quality.quality_slow_tests
where project = $1 and target = $2
order by duration_ms - median_ms desc, name, unique_id
limit $3
