create schema if not exists etl_orchestration
