{# Materialized views of PostgreSQL: made once, then refreshed; made anew for a full refresh or where
   something else bears the name; changed in place where only its indexes differ. #}

{% materialization materialized_view, default %}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='materialized_view') -%}
    {%- set intermediate_relation = make_intermediate_relation(target_relation) -%}
    {%- set backup_type = existing_relation.type if existing_relation is not none else 'materialized_view' -%}
    {%- set backup_relation = make_backup_relation(target_relation, backup_type) -%}

    {%- do materialized_view_setup(backup_relation, intermediate_relation, pre_hooks) -%}
    {%- set build_sql = materialized_view_get_build_sql(existing_relation, target_relation, backup_relation, intermediate_relation) -%}
    {%- if build_sql | trim == '' -%}
        {%- do materialized_view_execute_no_op(target_relation) -%}
    {%- else -%}
        {%- do materialized_view_execute_build_sql(build_sql, existing_relation, target_relation, post_hooks) -%}
    {%- endif -%}
    {%- do materialized_view_teardown(backup_relation, intermediate_relation, post_hooks) -%}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# Takes away what a run that broke off has left. #}
{% macro materialized_view_setup(backup_relation, intermediate_relation, pre_hooks) -%}
    {%- do drop_relation_if_exists(load_cached_relation(backup_relation)) -%}
    {%- do drop_relation_if_exists(load_cached_relation(intermediate_relation)) -%}
    {%- do run_hooks(pre_hooks, inside_transaction=False) -%}
{%- endmacro %}

{% macro materialized_view_teardown(backup_relation, intermediate_relation, post_hooks) -%}
    {%- do drop_relation_if_exists(load_cached_relation(backup_relation)) -%}
    {%- do drop_relation_if_exists(load_cached_relation(intermediate_relation)) -%}
    {%- do adapter.commit() -%}
    {%- do run_hooks(post_hooks, inside_transaction=False) -%}
{%- endmacro %}

{% macro materialized_view_execute_no_op(target_relation) -%}
    {%- do store_raw_result(name='main', message='skip ' ~ target_relation, code='skip', rows_affected='-1') -%}
{%- endmacro %}

{% macro materialized_view_execute_build_sql(build_sql, existing_relation, target_relation, post_hooks) -%}
    {%- do run_hooks(pre_hooks, inside_transaction=True) -%}
    {% call statement('main') -%}
        {{ build_sql }}
    {%- endcall %}
    {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing_relation, full_refresh_mode=True)) -%}
    {%- do persist_docs(target_relation, model) -%}
    {%- do run_hooks(post_hooks, inside_transaction=True) -%}
    {%- do adapter.commit() -%}
{%- endmacro %}

{# The SQL that this run needs; empty where a change of configuration is to be left alone. #}
{% macro materialized_view_get_build_sql(existing_relation, target_relation, backup_relation, intermediate_relation) -%}
    {%- if existing_relation is none -%}
        {% do return(get_create_materialized_view_as_sql(target_relation, sql)) %}
    {%- elif should_full_refresh() or not existing_relation.is_materialized_view -%}
        {% do return(get_replace_sql(existing_relation, target_relation, sql)) %}
    {%- endif -%}
    {%- set changes = get_materialized_view_configuration_changes(existing_relation, config) -%}
    {%- set wanted = config.get('on_configuration_change', 'apply') -%}
    {%- if changes is none -%}
        {% do return(refresh_materialized_view(target_relation)) %}
    {%- elif wanted == 'apply' -%}
        {% do return(get_alter_materialized_view_as_sql(target_relation, changes, sql, existing_relation, backup_relation, intermediate_relation)) %}
    {%- elif wanted == 'continue' -%}
        {% do exceptions.warn('Configuration changes were identified and `on_configuration_change` was set to `continue` for `' ~ target_relation.render() ~ '`') %}
        {% do return('') %}
    {%- elif wanted == 'fail' -%}
        {% do exceptions.raise_fail_fast_error('Configuration changes were identified and `on_configuration_change` was set to `fail` for `' ~ target_relation.render() ~ '`') %}
    {%- endif -%}
    {% do exceptions.raise_compiler_error('`on_configuration_change` is `' ~ wanted ~ '`: it may be apply, continue or fail') %}
{%- endmacro %}
