{# merge: rows of a known key are updated, others inserted, by one MERGE statement. The new rows are
   DBT_INTERNAL_SOURCE and the existing ones DBT_INTERNAL_DEST, which predicates may name. #}

{% macro get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
    {#- `predicates` is what the last argument was called once. -#}
    {%- set conditions = kwargs.get('predicates', incremental_predicates) -%}
    {{ adapter.dispatch('get_merge_sql', 'dbt')(target, source, unique_key, dest_columns, conditions) }}
{%- endmacro %}

{# Conditions for ON: one for each key, or a match with nothing where there is no key. #}
{% macro get_merge_key_conditions(unique_key) -%}
    {%- if not unique_key -%}
        {% do return(['FALSE']) %}
    {%- elif unique_key is string -%}
        {% do return([get_merge_unique_key_match('DBT_INTERNAL_SOURCE.' ~ (unique_key | trim), 'DBT_INTERNAL_DEST.' ~ (unique_key | trim))]) %}
    {%- endif -%}
    {%- set conditions = [] -%}
    {%- for key in unique_key -%}
        {%- do conditions.append('DBT_INTERNAL_SOURCE.' ~ key ~ ' = DBT_INTERNAL_DEST.' ~ key) -%}
    {%- endfor -%}
    {% do return(conditions) %}
{%- endmacro %}

{% macro get_merge_unique_key_match(source_unique_key, target_unique_key) -%}
    {% do return(adapter.dispatch('get_merge_unique_key_match', 'dbt')(source_unique_key, target_unique_key)) %}
{%- endmacro %}

{% macro default__get_merge_unique_key_match(source_unique_key, target_unique_key) -%}
    {% do return(equals(source_unique_key, target_unique_key) | trim) %}
{%- endmacro %}

{% macro default__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
    {%- set conditions = normalize_incremental_predicates(incremental_predicates) + get_merge_key_conditions(unique_key) -%}
    {%- set insert_columns = get_quoted_csv(dest_columns | map(attribute='name')) -%}
    {%- set update_columns = get_merge_update_columns(config.get('merge_update_columns'), config.get('merge_exclude_columns'), dest_columns) -%}
    {{ config.get('sql_header') or '' }}
    merge into {{ target }} as DBT_INTERNAL_DEST
    using {{ source }} as DBT_INTERNAL_SOURCE
    on ({{ conditions | join(') and (') }})
    {%- if unique_key and update_columns %}
    when matched then update set
        {%- for column in update_columns %}
        {{ column }} = DBT_INTERNAL_SOURCE.{{ column }}{{ ',' if not loop.last else '' }}
        {%- endfor %}
    {%- endif %}
    when not matched then insert ({{ insert_columns }})
    values (
        {%- for column in dest_columns -%}
        DBT_INTERNAL_SOURCE.{{ column.quoted }}{{ ', ' if not loop.last else '' }}
        {%- endfor -%}
    )
{%- endmacro %}

{# Rows of the target that the predicates cover are replaced by all rows of the source. #}
{% macro get_insert_overwrite_merge_sql(target, source, dest_columns, predicates, include_sql_header=false) -%}
    {{- adapter.dispatch('get_insert_overwrite_merge_sql', 'dbt')(target, source, dest_columns, predicates, include_sql_header) -}}
{%- endmacro %}

{% macro default__get_insert_overwrite_merge_sql(target, source, dest_columns, predicates, include_sql_header=false) -%}
    {%- set columns = get_quoted_csv(dest_columns | map(attribute='name')) -%}
    {%- set conditions = normalize_incremental_predicates(predicates) -%}
    {{ (config.get('sql_header') or '') if include_sql_header else '' }}
    merge into {{ target }} as DBT_INTERNAL_DEST
    using {{ source }} as DBT_INTERNAL_SOURCE
    on FALSE
    when not matched by source{{ (' and ' ~ (conditions | join(' and '))) if conditions else '' }}
        then delete
    when not matched then insert ({{ columns }})
    values ({{ columns }})
{%- endmacro %}
