{# `clone`: neither engine copies a table without its rows being read, so a clone is a view. #}

{% macro can_clone_table() -%}
    {% do return(adapter.dispatch('can_clone_table', 'dbt')()) %}
{%- endmacro %}

{% macro default__can_clone_table() -%}
    {% do return(false) %}
{%- endmacro %}

{% macro create_or_replace_clone(this_relation, defer_relation) -%}
    {% do return(adapter.dispatch('create_or_replace_clone', 'dbt')(this_relation, defer_relation)) %}
{%- endmacro %}

{% macro default__create_or_replace_clone(this_relation, defer_relation) -%}
    create or replace table {{ this_relation }} clone {{ defer_relation }}
{%- endmacro %}

{# What `clone` does with a relation of another state, for a project's own materialization `clone`. #}
{% materialization clone, default %}
    {%- if not defer_relation -%}
        {% do log('No relation found in state manifest for ' ~ model.unique_id, info=True) %}
        {% do return({'relations': []}) %}
    {%- endif -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing and not flags.FULL_REFRESH -%}
        {% do log('Relation ' ~ existing ~ ' already exists', info=True) %}
        {% do return({'relations': []}) %}
    {%- endif -%}
    {%- set other = load_cached_relation(defer_relation) -%}
    {%- if not (other and other.is_table and can_clone_table()) -%}
        {% do return((context.get('materialization_view_' ~ adapter.type()) or dbt.materialization_view_default)()) %}
    {%- endif -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- if existing is not none and not existing.is_table -%}
        {%- do drop_relation_if_exists(existing) -%}
    {%- endif -%}
    {%- if target_relation.render() != defer_relation.render() -%}
        {% call statement('main') -%}
            {{ create_or_replace_clone(target_relation, defer_relation) }}
        {%- endcall %}
    {%- endif -%}
    {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing, full_refresh_mode=True)) -%}
    {%- do persist_docs(target_relation, model) -%}
    {% do return({'relations': [target_relation]}) %}
{% endmaterialization %}
