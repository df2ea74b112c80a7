-- Which tests the store does not know as they are now, as places in the lists. $1 rules, $2 digests
select given.place
from unnest($1::uuid[], $2::uuid[]) with ordinality as given (rule_id, digest, place)
left join data_quality.quality_rules as rule on rule.rule_id = given.rule_id
where (rule.digest, rule.active) is distinct from (given.digest, true)
