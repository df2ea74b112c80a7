{# SQL that puts a new relation in the place of an existing one of any kind: several statements, to be
   run in one transaction. #}

{% macro get_replace_sql(existing_relation, target_relation, sql) -%}
    {%- do log('Applying REPLACE to: ' ~ existing_relation) -%}
    {{- adapter.dispatch('get_replace_sql', 'dbt')(existing_relation, target_relation, sql) -}}
{%- endmacro %}

{# In one statement where the kind allows that, else by building beside and renaming. #}
{% macro default__get_replace_sql(existing_relation, target_relation, sql) %}
    {%- set in_place = existing_relation.type == target_relation.type and existing_relation.can_be_replaced -%}
    {%- if in_place and existing_relation.is_view %}
    {{ get_replace_view_sql(target_relation, sql) }}
    {%- elif in_place and existing_relation.is_table %}
    {{ get_replace_table_sql(target_relation, sql) }}
    {%- elif in_place and existing_relation.is_materialized_view %}
    {{ get_replace_materialized_view_sql(target_relation, sql) }}
    {%- else %}
        {%- if target_relation.can_be_renamed %}
    {{ get_create_intermediate_sql(target_relation, sql) }};
        {%- endif %}
    {{ get_create_backup_sql(existing_relation) if existing_relation.can_be_renamed else get_drop_sql(existing_relation) }};
    {{ get_rename_intermediate_sql(target_relation) if target_relation.can_be_renamed else get_create_sql(target_relation, sql) }}
        {%- if existing_relation.can_be_renamed %};
    {{ get_drop_backup_sql(existing_relation) }}
        {%- endif %}
    {%- endif %}
{% endmacro %}

{% macro get_replace_view_sql(relation, sql) -%}
    {{- adapter.dispatch('get_replace_view_sql', 'dbt')(relation, sql) -}}
{%- endmacro %}

{% macro default__get_replace_view_sql(relation, sql) -%}
    {%- set contract = config.get('contract') -%}
    {%- if contract and contract.enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif -%}
    {{ config.get('sql_header') or '' }}
    create or replace view {{ relation }} as (
{{ sql }}
    );
{%- endmacro %}

{% macro get_replace_table_sql(relation, sql) -%}
    {{- adapter.dispatch('get_replace_table_sql', 'dbt')(relation, sql) -}}
{%- endmacro %}

{% macro default__get_replace_table_sql(relation, sql) -%}
    {% do exceptions.raise_compiler_error('`get_replace_table_sql` has not been implemented for this adapter.') %}
{%- endmacro %}

{% macro duckdb__get_replace_table_sql(relation, sql) -%}
    {{ config.get('sql_header') or '' }}
    create or replace table {{ relation }} as (
{{ sql }}
    );
{%- endmacro %}

{# Beside the relation under another name, to be renamed when it is complete. #}
{% macro get_create_intermediate_sql(relation, sql) -%}
    {{- adapter.dispatch('get_create_intermediate_sql', 'dbt')(relation, sql) -}}
{%- endmacro %}

{% macro default__get_create_intermediate_sql(relation, sql) -%}
    {%- set intermediate = make_intermediate_relation(relation) -%}
    {{ get_drop_sql(intermediate) }};
    {{ get_create_sql(intermediate, sql) }}
{%- endmacro %}

{% macro get_rename_intermediate_sql(relation) -%}
    {{- adapter.dispatch('get_rename_intermediate_sql', 'dbt')(relation) -}}
{%- endmacro %}

{% macro default__get_rename_intermediate_sql(relation) -%}
    {{ get_rename_sql(make_intermediate_relation(relation), relation.identifier) }}
{%- endmacro %}

{% macro get_create_backup_sql(relation) -%}
    {{- adapter.dispatch('get_create_backup_sql', 'dbt')(relation) -}}
{%- endmacro %}

{% macro default__get_create_backup_sql(relation) -%}
    {%- set backup = make_backup_relation(relation, relation.type) -%}
    {{ get_drop_sql(backup) }};
    {{ get_rename_sql(relation, backup.identifier) }}
{%- endmacro %}

{# A materialization for databases that replace views in one statement: what adapters' own end in. #}
{% macro create_or_replace_view() -%}
    {%- set existing = adapter.get_relation(database=database, schema=schema, identifier=model['alias']) -%}
    {%- set target_relation = api.Relation.create(database=database, schema=schema, identifier=model['alias'], type='view') -%}
    {%- do run_hooks(pre_hooks) -%}
    {%- if existing is not none and existing.is_table -%}
        {%- do handle_existing_table(should_full_refresh(), existing) -%}
    {%- endif -%}
    {% call statement('main') -%}
        {{ get_create_view_as_sql(target_relation, sql) }}
    {%- endcall %}
    {%- set was_view = existing is not none and existing.is_view -%}
    {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(was_view, full_refresh_mode=True)) -%}
    {%- do run_hooks(post_hooks) -%}
    {% do return({'relations': [target_relation]}) %}
{%- endmacro %}

{# For a view in the way of which stands a table. #}
{% macro handle_existing_table(full_refresh, old_relation) -%}
    {{- adapter.dispatch('handle_existing_table', 'dbt')(full_refresh, old_relation) -}}
{%- endmacro %}

{% macro default__handle_existing_table(full_refresh, old_relation) -%}
    {% do log('Dropping relation ' ~ old_relation.render() ~ ' because it is of type ' ~ old_relation.type) %}
    {%- do adapter.drop_relation(old_relation) -%}
{%- endmacro %}
