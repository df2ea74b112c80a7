select max(version) from etl_orchestration.schema_versions
