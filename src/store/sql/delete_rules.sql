delete from data_quality.quality_rules where rule_id = any ($1) and not active
