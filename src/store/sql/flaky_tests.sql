-- $1 project, $2 target, $3 how many
select unique_id, name, context, owner, checks, flips
from data_quality.quality_flaky_tests
where project = $1 and target = $2
order by flips desc, name, unique_id
limit $3
