{# Materialized views, which PostgreSQL has and DuckDB has not. #}

{% macro get_create_materialized_view_as_sql(relation, sql) -%}
    {{- adapter.dispatch('get_create_materialized_view_as_sql', 'dbt')(relation, sql) -}}
{%- endmacro %}

{% macro default__get_create_materialized_view_as_sql(relation, sql) -%}
    {% do exceptions.raise_compiler_error('Materialized views have not been implemented for this adapter.') %}
{%- endmacro %}

{% macro postgres__get_create_materialized_view_as_sql(relation, sql) -%}
    {%- do log('Applying CREATE to: ' ~ relation) -%}
    create materialized view if not exists {{ relation }} as
{{ sql }}
    ;
    {%- for index_dict in config.get('indexes', []) %}
    {{ get_create_index_sql(relation, index_dict) }}{{ ';' if not loop.last else '' }}
    {%- endfor %}
{%- endmacro %}

{% macro get_replace_materialized_view_sql(relation, sql) -%}
    {{- adapter.dispatch('get_replace_materialized_view_sql', 'dbt')(relation, sql) -}}
{%- endmacro %}

{% macro default__get_replace_materialized_view_sql(relation, sql) -%}
    {% do exceptions.raise_compiler_error('`get_replace_materialized_view_sql` has not been implemented for this adapter.') %}
{%- endmacro %}

{% macro refresh_materialized_view(relation) -%}
    {%- do log('Applying REFRESH to: ' ~ relation) -%}
    {{- adapter.dispatch('refresh_materialized_view', 'dbt')(relation) -}}
{%- endmacro %}

{% macro default__refresh_materialized_view(relation) -%}
    {% do exceptions.raise_compiler_error('`refresh_materialized_view` has not been implemented for this adapter.') %}
{%- endmacro %}

{% macro postgres__refresh_materialized_view(relation) -%}
    refresh materialized view {{ relation }}
{%- endmacro %}

{# What a change of configuration asks for: a full replacement, or indexes one by one. #}
{% macro get_alter_materialized_view_as_sql(relation, configuration_changes, sql, existing_relation, backup_relation, intermediate_relation) -%}
    {%- do log('Applying ALTER to: ' ~ relation) -%}
    {{- adapter.dispatch('get_alter_materialized_view_as_sql', 'dbt')(relation, configuration_changes, sql, existing_relation, backup_relation, intermediate_relation) -}}
{%- endmacro %}

{% macro default__get_alter_materialized_view_as_sql(relation, configuration_changes, sql, existing_relation, backup_relation, intermediate_relation) -%}
    {% do exceptions.raise_compiler_error('Materialized views have not been implemented for this adapter.') %}
{%- endmacro %}

{% macro postgres__get_alter_materialized_view_as_sql(relation, configuration_changes, sql, existing_relation, backup_relation, intermediate_relation) -%}
    {%- if configuration_changes.requires_full_refresh -%}
        {{ get_replace_sql(existing_relation, relation, sql) }}
    {%- else -%}
        {{ postgres__update_indexes_on_materialized_view(relation, configuration_changes.indexes) }}
    {%- endif -%}
{%- endmacro %}

{% macro postgres__update_indexes_on_materialized_view(relation, index_changes) -%}
    {%- do log('Applying UPDATE INDEXES to: ' ~ relation) -%}
    {%- set statements = [] -%}
    {%- for change in index_changes -%}
        {%- if change.action == 'drop' -%}
            {%- do statements.append(get_drop_index_sql(relation, change.context.name)) -%}
        {%- elif change.action == 'create' -%}
            {%- do statements.append(get_create_index_sql(relation, change.context.as_node_config)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ statements | join(';\n    ') }}
{%- endmacro %}

{% macro get_materialized_view_configuration_changes(existing_relation, new_config) -%}
    {% do return(adapter.dispatch('get_materialized_view_configuration_changes', 'dbt')(existing_relation, new_config)) %}
{%- endmacro %}

{% macro default__get_materialized_view_configuration_changes(existing_relation, new_config) -%}
    {% do exceptions.raise_compiler_error('Materialized views have not been implemented for this adapter.') %}
{%- endmacro %}

{% macro postgres__get_materialized_view_configuration_changes(existing_relation, new_config) -%}
    {%- set present = {} -%}
    {%- for row in postgres__describe_materialized_view(existing_relation)['indexes'] -%}
        {%- set columns = row['column_names'].split(',') | sort -%}
        {%- do present.update({
            (columns | join(',')) ~ ' ' ~ row['unique'] ~ ' ' ~ row['method']:
                {'name': row['name'], 'columns': columns, 'unique': row['unique'], 'type': row['method']}
        }) -%}
    {%- endfor -%}
    {%- set wanted = {} -%}
    {%- for index in new_config.get('indexes') or [] -%}
        {%- do validate_index_config(index) -%}
        {%- set columns = index['columns'] | map('lower') | sort -%}
        {%- set unique = true if index.get('unique') else false -%}
        {%- set type = index.get('type') or 'btree' -%}
        {%- do wanted.update({
            (columns | join(',')) ~ ' ' ~ unique ~ ' ' ~ type: {'columns': columns, 'unique': unique, 'type': type}
        }) -%}
    {%- endfor -%}
    {%- set changes = [] -%}
    {%- for key, index in present.items() -%}
        {%- if key not in wanted -%}
            {%- do changes.append({'action': 'drop', 'context': index, 'requires_full_refresh': false}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for key, index in wanted.items() -%}
        {%- if key not in present -%}
            {%- do changes.append({'action': 'create', 'context': {'name': '', 'as_node_config': index}, 'requires_full_refresh': false}) -%}
        {%- endif -%}
    {%- endfor -%}
    {% do return({'indexes': changes, 'requires_full_refresh': false} if changes else none) %}
{%- endmacro %}

{% macro postgres__describe_materialized_view(relation) -%}
    {% do return({'indexes': run_query(get_show_indexes_sql(relation))}) %}
{%- endmacro %}
