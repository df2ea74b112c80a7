{# From a test's query to its verdict: the filter on what is tested, the count of failures, and
   whether failing rows are kept. #}

{# What `{{ model }}` stands for in a generic test: the relation, or its rows that satisfy `where`. #}
{% macro get_where_subquery(relation) -%}
    {% do return(adapter.dispatch('get_where_subquery', 'dbt')(relation)) %}
{%- endmacro %}

{% macro default__get_where_subquery(relation) -%}
    {%- set where = config.get('where', '') -%}
    {%- if where -%}
        {% do return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') dbt_subquery') %}
    {%- else -%}
        {% do return(relation) %}
    {%- endif -%}
{%- endmacro %}

{# One row: failures, should_warn, should_error. #}
{% macro get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    {{- adapter.dispatch('get_test_sql', 'dbt')(main_sql, fail_calc, warn_if, error_if, limit) -}}
{%- endmacro %}

{% macro default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    select
      {{ fail_calc }} as failures,
      {{ fail_calc }} {{ warn_if }} as should_warn,
      {{ fail_calc }} {{ error_if }} as should_error
    from (
      {{ main_sql }}
      {{ 'limit ' ~ limit if limit is not none else '' }}
    ) dbt_internal_test
{%- endmacro %}

{% macro should_store_failures() -%}
    {%- set configured = config.get('store_failures') -%}
    {% do return((flags.STORE_FAILURES or false) if configured is none else configured) %}
{%- endmacro %}
