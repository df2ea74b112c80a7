{# Views, tables and incremental models as blocks. Pintail builds these by code of its own; the blocks are
   for materializations of a project or package that end in them under dbt's names. #}

{% materialization view, default %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- set made = start_beside(target_relation) -%}
    {% call statement('main') -%}
        {{ get_create_view_as_sql(made, sql) }}
    {%- endcall %}
    {% do return(finish_beside(made, target_relation)) %}
{% endmaterialization %}

{% materialization table, default %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set made = start_beside(target_relation) -%}
    {% call statement('main') -%}
        {{ get_create_table_as_sql(False, made, sql) }}
    {%- endcall %}
    {% do return(finish_beside(made, target_relation)) %}
{% endmaterialization %}

{# The result of a Python model is a query by now. #}
{% materialization table, adapter='duckdb', supported_languages=['sql', 'python'] %}
    {% do return(dbt.materialization_table_default()) %}
{% endmaterialization %}

{% materialization incremental, default %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set strategy = adapter.get_incremental_strategy_macro(context, config.get('incremental_strategy') or 'default') -%}
    {%- if existing is none or not existing.is_table or should_full_refresh() -%}
        {% do return(dbt.materialization_table_default()) %}
    {%- endif -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- do run_hooks(pre_hooks, inside_transaction=False) -%}
    {%- do run_hooks(pre_hooks, inside_transaction=True) -%}

    {%- set temp_relation = make_temp_relation(target_relation) -%}
    {%- do run_query(get_create_table_as_sql(True, temp_relation, sql)) -%}
    {%- if not (config.get('contract') or {}).get('enforced') -%}
        {%- do adapter.expand_target_column_types(from_relation=temp_relation, to_relation=target_relation) -%}
    {%- endif -%}
    {%- set mode = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') -%}
    {%- set columns = process_schema_changes(mode, temp_relation, existing) or adapter.get_columns_in_relation(existing) -%}
    {%- set change = strategy({
        'target_relation': target_relation,
        'temp_relation': temp_relation,
        'unique_key': config.get('unique_key'),
        'dest_columns': columns,
        'incremental_predicates': config.get('predicates') or config.get('incremental_predicates'),
    }) -%}
    {% call statement('main') -%}
        {{ change }}
    {%- endcall %}
    {%- do run_query('drop table if exists ' ~ temp_relation) -%}
    {% do return(finish_relation(target_relation, should_revoke(existing, full_refresh_mode=False))) %}
{% endmaterialization %}

{% materialization incremental, adapter='duckdb', supported_languages=['sql', 'python'] %}
    {% do return(dbt.materialization_incremental_default()) %}
{% endmaterialization %}

{# Room for what is built beside a relation, and the hooks that come before: the name to build it under. #}
{% macro start_beside(target_relation) -%}
    {%- set made = make_intermediate_relation(target_relation) -%}
    {%- do drop_relation_if_exists(load_cached_relation(made)) -%}
    {%- do run_hooks(pre_hooks, inside_transaction=False) -%}
    {%- do run_hooks(pre_hooks, inside_transaction=True) -%}
    {% do return(made) %}
{%- endmacro %}

{# What was built beside takes its place, in the transaction that it was built in. #}
{% macro finish_beside(made, target_relation) -%}
    {%- set existing = load_cached_relation(target_relation) -%}
    {%- do drop_relation_if_exists(existing) -%}
    {%- do adapter.rename_relation(made, target_relation) -%}
    {%- if target_relation.is_table -%}
        {%- do create_indexes(target_relation) -%}
    {%- endif -%}
    {% do return(finish_relation(target_relation, should_revoke(existing, full_refresh_mode=True))) %}
{%- endmacro %}

{# What comes after a relation is there: grants, comments, hooks, and the end of the transaction. #}
{% macro finish_relation(target_relation, revoke) -%}
    {%- do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) -%}
    {%- do persist_docs(target_relation, model) -%}
    {%- do run_hooks(post_hooks, inside_transaction=True) -%}
    {%- do adapter.commit() -%}
    {%- do run_hooks(post_hooks, inside_transaction=False) -%}
    {% do return({'relations': [target_relation]}) %}
{%- endmacro %}
