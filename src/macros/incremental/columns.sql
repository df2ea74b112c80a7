{# Lists of columns as the incremental strategies need them. #}

{% macro get_quoted_csv(column_names) -%}
    {%- set quoted = [] -%}
    {%- for name in column_names -%}
        {%- do quoted.append(adapter.quote(name)) -%}
    {%- endfor -%}
    {% do return(quoted | join(', ')) %}
{%- endmacro %}

{# The columns that a merge updates: the ones named, or all but the ones excluded, or all. Names
   given by the user stand as written; names from the database come quoted. #}
{% macro get_merge_update_columns(merge_update_columns, merge_exclude_columns, dest_columns) -%}
    {% do return(adapter.dispatch('get_merge_update_columns', 'dbt')(merge_update_columns, merge_exclude_columns, dest_columns)) %}
{%- endmacro %}

{% macro default__get_merge_update_columns(merge_update_columns, merge_exclude_columns, dest_columns) -%}
    {%- if merge_update_columns and merge_exclude_columns -%}
        {% do exceptions.raise_compiler_error('Model cannot specify merge_update_columns and merge_exclude_columns. Please update model to use only one config') %}
    {%- endif -%}
    {%- if merge_update_columns -%}
        {% do return(merge_update_columns) %}
    {%- endif -%}
    {%- set excluded = [] -%}
    {%- for name in merge_exclude_columns or [] -%}
        {%- do excluded.append(name | lower) -%}
    {%- endfor -%}
    {%- set kept = [] -%}
    {%- for column in dest_columns -%}
        {%- if column.name | lower not in excluded -%}
            {%- do kept.append(column.quoted) -%}
        {%- endif -%}
    {%- endfor -%}
    {% do return(kept) %}
{%- endmacro %}

{# incremental_predicates as a list: none, one string or a list of strings. #}
{% macro normalize_incremental_predicates(incremental_predicates) -%}
    {%- if incremental_predicates is none or incremental_predicates is undefined -%}
        {% do return([]) %}
    {%- elif incremental_predicates is string -%}
        {% do return([incremental_predicates]) %}
    {%- elif incremental_predicates is mapping or incremental_predicates is not sequence -%}
        {% do exceptions.raise_compiler_error('incremental_predicates must be a list of strings or a string') %}
    {%- endif -%}
    {% do return(incremental_predicates | list) %}
{%- endmacro %}
