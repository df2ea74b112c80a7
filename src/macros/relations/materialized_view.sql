{# Materialized views, which PostgreSQL has and DuckDB has not. #}

{% macro get_create_materialized_view_as_sql(relation, sql) -%}
    {{- adapter.dispatch('get_create_materialized_view_as_sql', 'dbt')(relation, sql) -}}
{%- endmacro %}

{% macro default__get_create_materialized_view_as_sql(relation, sql) -%}
    {% do exceptions.raise_compiler_error('Materialized views have not been implemented for this adapter.') %}
{%- endmacro %}

{% macro postgres__get_create_materialized_view_as_sql(relation, sql) -%}
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
    {%- set present = postgres__describe_materialized_view(existing_relation) -%}
    {% do return(existing_relation.get_materialized_view_config_change_collection(present, new_config.model)) %}
{%- endmacro %}

{% macro postgres__describe_materialized_view(relation) -%}
    {% do return({'indexes': run_query(get_show_indexes_sql(relation))}) %}
{%- endmacro %}
