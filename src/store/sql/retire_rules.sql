update data_quality.quality_rules
set active = false, updated_at = now()
where project = $1 and active and unique_id <> all ($2::text[])
