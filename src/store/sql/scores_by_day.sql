-- The score of each context on each day since one. $1 project, $2 target, $3 the day as text
select
    day::text as day, context,
    round(100 * sum(points) / sum(weight), 2)::float8 as score,
    sum(points)::float8 as points, sum(weight)::float8 as weight
from data_quality.quality_reports
where project = $1 and target = $2 and day >= $3::text::date
group by day, context
having sum(weight) > 0
order by day, context nulls first
