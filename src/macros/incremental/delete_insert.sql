{# delete+insert: rows of the target whose key comes again are removed, then all new rows added.
   Two statements; the caller runs them in one transaction. A key with a NULL in it matches nothing. #}

{% macro get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) -%}
    {{- adapter.dispatch('get_delete_insert_merge_sql', 'dbt')(target, source, unique_key, dest_columns, incremental_predicates) -}}
{%- endmacro %}

{% macro default__get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) -%}
    {%- set columns = get_quoted_csv(dest_columns | map(attribute='name')) -%}
    {%- if unique_key -%}
    {%- set keys = unique_key if unique_key is string else unique_key | join(', ') %}
    delete from {{ target }} as DBT_INTERNAL_DEST
    where ({{ keys }}) in (
        select distinct {{ keys }}
        from {{ source }} as DBT_INTERNAL_SOURCE
    )
    {%- for predicate in normalize_incremental_predicates(incremental_predicates) %}
        and {{ predicate }}
    {%- endfor -%};
    {%- endif %}
    insert into {{ target }} ({{ columns }})
    (
        select {{ columns }}
        from {{ source }}
    )
{%- endmacro %}

{# With one key the target has no alias, so that predicates may use its full name; with several it
   is DBT_INCREMENTAL_TARGET: what predicates written for dbt-duckdb expect. #}
{% macro duckdb__get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) -%}
    {%- set columns = get_quoted_csv(dest_columns | map(attribute='name')) -%}
    {%- set predicates = normalize_incremental_predicates(incremental_predicates) -%}
    {%- if unique_key and unique_key is string %}
    delete from {{ target }}
    where ({{ unique_key }}) in (
        select ({{ unique_key }})
        from {{ source }}
    )
    {%- for predicate in predicates %}
        and {{ predicate }}
    {%- endfor -%};
    {%- elif unique_key %}
    delete from {{ target }} as DBT_INCREMENTAL_TARGET
    using {{ source }} as DBT_INTERNAL_SOURCE
    where (
        {%- for key in unique_key %}
        {{ 'and ' if not loop.first else '' }}DBT_INTERNAL_SOURCE.{{ key }} = DBT_INCREMENTAL_TARGET.{{ key }}
        {%- endfor %}
    )
    {%- for predicate in predicates %}
        and {{ predicate }}
    {%- endfor -%};
    {%- endif %}
    insert into {{ target }} ({{ columns }})
    (
        select {{ columns }}
        from {{ source }}
    )
{%- endmacro %}
