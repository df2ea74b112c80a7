SELECT 1 FROM duckdb_databases() WHERE lower(database_name) = lower($alias)
