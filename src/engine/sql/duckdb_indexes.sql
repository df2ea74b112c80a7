SELECT index_name, is_unique, sql
FROM duckdb_indexes()
WHERE lower(database_name) = lower($database)
  AND lower(schema_name) = lower($schema)
  AND lower(table_name) = lower($name)
  AND sql IS NOT NULL
ORDER BY index_name
