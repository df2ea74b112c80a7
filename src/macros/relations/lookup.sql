{# Asking the database what is there, for macros that want the answer as rows. #}

{% macro load_cached_relation(relation) -%}
    {% do return(adapter.get_relation(database=relation.database, schema=relation.schema, identifier=relation.identifier)) %}
{%- endmacro %}

{# Whether it exists, and the relation as it is or as it will be. #}
{% macro get_or_create_relation(database, schema, identifier, type) -%}
    {% do return(adapter.dispatch('get_or_create_relation', 'dbt')(database, schema, identifier, type)) %}
{%- endmacro %}

{% macro default__get_or_create_relation(database, schema, identifier, type) -%}
    {%- set existing = adapter.get_relation(database=database, schema=schema, identifier=identifier) -%}
    {%- if existing -%}
        {% do return([true, existing]) %}
    {%- endif -%}
    {% do return([false, api.Relation.create(database=database, schema=schema, identifier=identifier, type=type)]) %}
{%- endmacro %}

{% macro information_schema_name(database) -%}
    {% do return(adapter.dispatch('information_schema_name', 'dbt')(database)) %}
{%- endmacro %}

{% macro default__information_schema_name(database) -%}
    {{ database ~ '.information_schema' if database else 'information_schema' }}
{%- endmacro %}

{% macro postgres__information_schema_name(database) -%}
    information_schema
{%- endmacro %}

{% macro list_schemas(database) -%}
    {% do return(adapter.dispatch('list_schemas', 'dbt')(database)) %}
{%- endmacro %}

{% macro default__list_schemas(database) -%}
    {% do return(run_query(
        'select distinct schema_name from ' ~ information_schema_name(database) ~ '.schemata'
        ~ " where catalog_name ilike '" ~ database ~ "'"
    )) %}
{%- endmacro %}

{% macro duckdb__list_schemas(database) -%}
    {% do return(run_query(
        'select schema_name from system.information_schema.schemata'
        ~ (" where lower(catalog_name) = '" ~ (database | lower) ~ "'" if database is not none else '')
    )) %}
{%- endmacro %}

{% macro postgres__list_schemas(database) -%}
    {% do return(run_query('select nspname from pg_namespace')) %}
{%- endmacro %}

{% macro check_schema_exists(information_schema, schema) -%}
    {% do return(adapter.dispatch('check_schema_exists', 'dbt')(information_schema, schema)) %}
{%- endmacro %}

{% macro default__check_schema_exists(information_schema, schema) -%}
    {% do return(run_query(
        'select count(*) from ' ~ information_schema.replace(information_schema_view='SCHEMATA')
        ~ " where catalog_name = '" ~ information_schema.database ~ "' and schema_name = '" ~ schema ~ "'"
    )) %}
{%- endmacro %}

{% macro duckdb__check_schema_exists(information_schema, schema) -%}
    {% do return(run_query(
        "select count(*) from system.information_schema.schemata where lower(schema_name) = '" ~ (schema | lower)
        ~ "' and lower(catalog_name) = '" ~ (information_schema.database | lower) ~ "'"
    )) %}
{%- endmacro %}

{% macro postgres__check_schema_exists(information_schema, schema) -%}
    {% do return(run_query("select count(*) from pg_namespace where nspname = '" ~ schema ~ "'")) %}
{%- endmacro %}

{# Rows of database, name, schema, type. #}
{% macro list_relations_without_caching(schema_relation) -%}
    {% do return(adapter.dispatch('list_relations_without_caching', 'dbt')(schema_relation)) %}
{%- endmacro %}

{% macro default__list_relations_without_caching(schema_relation) -%}
    {% do not_for_this_adapter('list_relations_without_caching') %}
{%- endmacro %}

{% macro duckdb__list_relations_without_caching(schema_relation) -%}
    {% call statement('list_relations_without_caching', fetch_result=True) -%}
        select
            '{{ schema_relation.database }}' as database,
            table_name as name,
            table_schema as schema,
            case table_type when 'VIEW' then 'view' else 'table' end as type
        from system.information_schema.tables
        where lower(table_schema) = '{{ schema_relation.schema | lower }}'
          and lower(table_catalog) = '{{ schema_relation.database | lower }}'
    {%- endcall %}
    {% do return(load_result('list_relations_without_caching').table) %}
{%- endmacro %}

{% macro postgres__list_relations_without_caching(schema_relation) -%}
    {% call statement('list_relations_without_caching', fetch_result=True) -%}
        select
            '{{ schema_relation.database }}' as database,
            pg_class.relname as name,
            pg_namespace.nspname as schema,
            case pg_class.relkind when 'v' then 'view' when 'm' then 'materialized_view' else 'table' end as type
        from pg_class
        join pg_namespace on pg_namespace.oid = pg_class.relnamespace
        where pg_class.relkind in ('r', 'p', 'v', 'm')
          and pg_namespace.nspname ilike '{{ schema_relation.schema }}'
    {%- endcall %}
    {% do return(load_result('list_relations_without_caching').table) %}
{%- endmacro %}
