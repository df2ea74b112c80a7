{# Working the table of changes into the snapshot. #}

{% macro snapshot_merge_sql(target, source, insert_cols) -%}
    {{- adapter.dispatch('snapshot_merge_sql', 'dbt')(target, source, insert_cols) -}}
{%- endmacro %}

{# An UPDATE that ends old versions, then an INSERT of new ones; insert_cols are quoted names. #}
{% macro default__snapshot_merge_sql(target, source, insert_cols) -%}
    {%- set columns = snapshot_columns() %}
    update {{ target }} as DBT_INTERNAL_TARGET
    set {{ columns.dbt_valid_to }} = DBT_INTERNAL_SOURCE.{{ columns.dbt_valid_to }}
    from {{ source }} as DBT_INTERNAL_SOURCE
    where cast(DBT_INTERNAL_SOURCE.{{ columns.dbt_scd_id }} as text) = cast(DBT_INTERNAL_TARGET.{{ columns.dbt_scd_id }} as text)
      and DBT_INTERNAL_SOURCE.dbt_change_type in ('update', 'delete')
      and {{ snapshot_is_current('DBT_INTERNAL_TARGET', columns) }};

    insert into {{ target }} ({{ insert_cols | join(', ') }})
    select {{ insert_cols | join(', ') }}
    from {{ source }} as DBT_INTERNAL_SOURCE
    where DBT_INTERNAL_SOURCE.dbt_change_type = 'insert';
{%- endmacro %}

{# Columns that the query gained are added to the snapshot. #}
{% macro create_columns(relation, columns) -%}
    {{- adapter.dispatch('create_columns', 'dbt')(relation, columns) -}}
{%- endmacro %}

{% macro default__create_columns(relation, columns) -%}
    {%- for column in columns -%}
        {% call statement() -%}
            alter table {{ relation }} add column {{ adapter.quote(column.name) }} {{ column.data_type }}
        {%- endcall %}
    {%- endfor -%}
{%- endmacro %}

{# After the commit. #}
{% macro post_snapshot(staging_relation) -%}
    {{- adapter.dispatch('post_snapshot', 'dbt')(staging_relation) -}}
{%- endmacro %}

{% macro default__post_snapshot(staging_relation) -%}
{%- endmacro %}

{% macro duckdb__post_snapshot(staging_relation) -%}
    {% do return(drop_relation(staging_relation)) %}
{%- endmacro %}

{# Warns where updated_at has another type than the times that dbt itself writes. #}
{% macro check_time_data_types(sql) -%}
    {%- set theirs = get_updated_at_column_data_type(sql) -%}
    {%- set ours = get_snapshot_get_time_data_type() -%}
    {%- if theirs is not none and ours is not none and theirs != ours -%}
        {% do exceptions.warn_snapshot_timestamp_data_types(ours, theirs) %}
    {%- endif -%}
{%- endmacro %}

{% macro get_updated_at_column_data_type(snapshot_sql) -%}
    {%- for column in get_column_schema_from_query(snapshot_sql) -%}
        {%- if column.name | lower == 'dbt_updated_at' -%}
            {% do return(column.dtype) %}
        {%- endif -%}
    {%- endfor -%}
    {% do return(none) %}
{%- endmacro %}
