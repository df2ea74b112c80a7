{# SQL that creates a table or a view from a query. The query stands on lines of its own, so that a
   comment at its end cannot swallow the closing bracket. #}

{% macro get_create_sql(relation, sql) -%}
    {{- adapter.dispatch('get_create_sql', 'dbt')(relation, sql) -}}
{%- endmacro %}

{% macro default__get_create_sql(relation, sql) -%}
    {%- if relation.is_view -%}
        {{ get_create_view_as_sql(relation, sql) }}
    {%- elif relation.is_table -%}
        {{ get_create_table_as_sql(false, relation, sql) }}
    {%- elif relation.is_materialized_view -%}
        {{ get_create_materialized_view_as_sql(relation, sql) }}
    {%- else -%}
        {% do exceptions.raise_compiler_error('`get_create_sql` has not been implemented for: ' ~ relation.type) %}
    {%- endif -%}
{%- endmacro %}

{% macro get_create_table_as_sql(temporary, relation, sql) -%}
    {{- adapter.dispatch('get_create_table_as_sql', 'dbt')(temporary, relation, sql) -}}
{%- endmacro %}

{% macro default__get_create_table_as_sql(temporary, relation, sql) -%}
    {% do return(create_table_as(temporary, relation, sql)) %}
{%- endmacro %}

{% macro create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if language == 'sql' -%}
        {{ adapter.dispatch('create_table_as', 'dbt')(temporary, relation, compiled_code) }}
    {%- else -%}
        {{ adapter.dispatch('create_table_as', 'dbt')(temporary, relation, compiled_code, language) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__create_table_as(temporary, relation, sql) -%}
    {%- set contract = config.get('contract') -%}
    {%- set contracted = contract and contract.enforced and not temporary -%}
    {{ config.get('sql_header') or '' }}
    create {{ 'temporary ' if temporary else '' }}table {{ relation.include(database=(not temporary), schema=(not temporary)) }}
    {%- if contracted %}
    {{ get_assert_columns_equivalent(sql) }}
    {{ get_table_columns_and_constraints() }}
    {%- endif %}
    as (
{{ get_select_subquery(sql) if contracted else sql }}
    );
{%- endmacro %}

{% macro duckdb__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if language != 'sql' -%}
        {% do exceptions.raise_compiler_error("Models in the language '" ~ language ~ "' are not supported: " ~ relation) %}
    {%- endif -%}
    {%- set contract = config.get('contract') -%}
    {%- set name = relation.include(database=(not temporary), schema=(not temporary)) -%}
    {%- if contract and contract.enforced -%}
        {{ get_assert_columns_equivalent(compiled_code) }}
    {%- endif -%}
    {{ config.get('sql_header') or '' }}
    {%- if contract and contract.enforced and not temporary %}
    create table {{ name }}
    {{ get_table_columns_and_constraints() }};
    insert into {{ name }} {{ get_column_names() }} (
{{ get_select_subquery(compiled_code) }}
    );
    {%- else %}
    create {{ 'temporary ' if temporary else '' }}table {{ name }} as (
{{ compiled_code }}
    );
    {%- endif -%}
{%- endmacro %}

{# A temporary relation comes here without a schema already (see make_temp_relation): PostgreSQL
   takes none for a temporary table. #}
{% macro postgres__create_table_as(temporary, relation, sql) -%}
    {%- set contract = config.get('contract') -%}
    {%- set kind = 'temporary ' if temporary else ('unlogged ' if config.get('unlogged', false) else '') -%}
    {%- if contract and contract.enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif -%}
    {{ config.get('sql_header') or '' }}
    {%- if contract and contract.enforced and not temporary %}
    create {{ kind }}table {{ relation }}
    {{ get_table_columns_and_constraints() }};
    insert into {{ relation }} {{ get_column_names() }} (
{{ get_select_subquery(sql) }}
    );
    {%- else %}
    create {{ kind }}table {{ relation }} as (
{{ sql }}
    );
    {%- endif -%}
{%- endmacro %}

{% macro get_create_view_as_sql(relation, sql) -%}
    {{- adapter.dispatch('get_create_view_as_sql', 'dbt')(relation, sql) -}}
{%- endmacro %}

{% macro default__get_create_view_as_sql(relation, sql) -%}
    {% do return(create_view_as(relation, sql)) %}
{%- endmacro %}

{% macro create_view_as(relation, sql) -%}
    {{- adapter.dispatch('create_view_as', 'dbt')(relation, sql) -}}
{%- endmacro %}

{% macro default__create_view_as(relation, sql) -%}
    {%- set contract = config.get('contract') -%}
    {%- if contract and contract.enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif -%}
    {{ config.get('sql_header') or '' }}
    create view {{ relation }} as (
{{ sql }}
    );
{%- endmacro %}

{# The columns named in the properties of the model, in order, quoted where they ask for it. #}
{% macro default__get_column_names() -%}
    {%- set names = [] -%}
    {%- for column in model['columns'].values() -%}
        {%- do names.append(adapter.quote(column['name']) if column.get('quote') else column['name']) -%}
    {%- endfor -%}
    {{ names | join(', ') }}
{%- endmacro %}

{% macro get_column_names() -%}
    ({{ adapter.dispatch('get_column_names', 'dbt')() }})
{%- endmacro %}

{# The query with its columns in the order of the contract. #}
{% macro get_select_subquery(sql) -%}
    {% do return(adapter.dispatch('get_select_subquery', 'dbt')(sql)) %}
{%- endmacro %}

{% macro default__get_select_subquery(sql) %}
    select {{ adapter.dispatch('get_column_names', 'dbt')() }}
    from (
{{ sql }}
    ) as model_subq
{%- endmacro %}
