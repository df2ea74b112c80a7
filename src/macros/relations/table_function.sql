{# Models of dbt-duckdb that are table functions: views with parameters, read as `ref('m')(…)`. #}

{% materialization table_function, adapter='duckdb' -%}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- set parameters = config.get('parameters') or [] -%}
    {%- if parameters is string or parameters is number -%}
        {%- set parameters = [parameters] -%}
    {%- endif -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement('main') -%}
        create or replace function {{ target_relation.render() }}({{ parameters | join(', ') }}) as table (
{{ sql }}
        );
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target_relation, model) %}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {% do return({'relations': [target_relation]}) %}
{%- endmaterialization %}
