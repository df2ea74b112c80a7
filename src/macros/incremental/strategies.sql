{# The strategies of incremental models. Each takes one dict with target_relation, temp_relation,
   unique_key, dest_columns and incremental_predicates, and gives the SQL that brings the rows of
   temp_relation into target_relation. A project adds its own as get_incremental_<name>_sql. #}

{% macro get_incremental_append_sql(arg_dict) -%}
    {% do return(adapter.dispatch('get_incremental_append_sql', 'dbt')(arg_dict)) %}
{%- endmacro %}

{% macro default__get_incremental_append_sql(arg_dict) -%}
    {% do return(get_insert_into_sql(arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['dest_columns'])) %}
{%- endmacro %}

{% macro get_incremental_delete_insert_sql(arg_dict) -%}
    {% do return(adapter.dispatch('get_incremental_delete_insert_sql', 'dbt')(arg_dict)) %}
{%- endmacro %}

{% macro default__get_incremental_delete_insert_sql(arg_dict) -%}
    {% do return(get_delete_insert_merge_sql(
        arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['unique_key'],
        arg_dict['dest_columns'], arg_dict['incremental_predicates']
    )) %}
{%- endmacro %}

{% macro get_incremental_merge_sql(arg_dict) -%}
    {% do return(adapter.dispatch('get_incremental_merge_sql', 'dbt')(arg_dict)) %}
{%- endmacro %}

{% macro default__get_incremental_merge_sql(arg_dict) -%}
    {% do return(get_merge_sql(
        arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['unique_key'],
        arg_dict['dest_columns'], arg_dict['incremental_predicates']
    )) %}
{%- endmacro %}

{% macro get_incremental_insert_overwrite_sql(arg_dict) -%}
    {% do return(adapter.dispatch('get_incremental_insert_overwrite_sql', 'dbt')(arg_dict)) %}
{%- endmacro %}

{% macro default__get_incremental_insert_overwrite_sql(arg_dict) -%}
    {% do return(get_insert_overwrite_merge_sql(
        arg_dict['target_relation'], arg_dict['temp_relation'],
        arg_dict['dest_columns'], arg_dict['incremental_predicates']
    )) %}
{%- endmacro %}

{# What a model without incremental_strategy gets: rows of a known key are replaced, else added. #}
{% macro get_incremental_default_sql(arg_dict) -%}
    {% do return(adapter.dispatch('get_incremental_default_sql', 'dbt')(arg_dict)) %}
{%- endmacro %}

{% macro default__get_incremental_default_sql(arg_dict) -%}
    {%- if arg_dict['unique_key'] -%}
        {% do return(get_incremental_delete_insert_sql(arg_dict)) %}
    {%- else -%}
        {% do return(get_incremental_append_sql(arg_dict)) %}
    {%- endif -%}
{%- endmacro %}

{% macro get_insert_into_sql(target_relation, temp_relation, dest_columns) %}
    {%- set columns = get_quoted_csv(dest_columns | map(attribute='name')) %}
    insert into {{ target_relation }} ({{ columns }})
    (
        select {{ columns }}
        from {{ temp_relation }}
    )
{% endmacro %}
