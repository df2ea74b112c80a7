delete from data_quality.quality_incidents where incident_id = any ($1) and status = 'resolved'
