select name from data_quality.quality_rules where $1::text is null or project = $1
union
select node_name from data_quality.quality_rules
where node_name is not null and ($1::text is null or project = $1)
order by 1
