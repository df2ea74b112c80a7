{# What dbt asks of other databases only: names to call and to override. #}

{% macro not_for_this_adapter(name) -%}
    {% do exceptions.raise_not_implemented(name ~ ' macro not implemented for adapter ' ~ adapter.type()) %}
{%- endmacro %}

{% macro list_function_relations_without_caching(schema_relation) -%}
    {% do return(adapter.dispatch('list_function_relations_without_caching', 'dbt')(schema_relation)) %}
{%- endmacro %}

{% macro default__list_function_relations_without_caching(schema_relation) -%}
    {% do not_for_this_adapter('list_function_relations_without_caching') %}
{%- endmacro %}

{% macro get_catalog_for_single_relation(relation) -%}
    {% do return(adapter.dispatch('get_catalog_for_single_relation', 'dbt')(relation)) %}
{%- endmacro %}

{% macro default__get_catalog_for_single_relation(relation) -%}
    {% do not_for_this_adapter('get_catalog_for_single_relation') %}
{%- endmacro %}

{% macro get_relation_last_modified(information_schema, relations) -%}
    {% do return(adapter.dispatch('get_relation_last_modified', 'dbt')(information_schema, relations)) %}
{%- endmacro %}

{% macro default__get_relation_last_modified(information_schema, relations) -%}
    {% do not_for_this_adapter('get_relation_last_modified') %}
{%- endmacro %}

{# Which relation reads which. #}
{% macro get_relations() -%}
    {% do return(adapter.dispatch('get_relations', 'dbt')()) %}
{%- endmacro %}

{% macro default__get_relations() -%}
    {% do not_for_this_adapter('get_relations') %}
{%- endmacro %}

{# Of views, by their rules: a rule depends on what its query reads. #}
{% macro postgres__get_relations() -%}
    {% call statement('relations', fetch_result=True) -%}
        select distinct
            dependent_schema.nspname as dependent_schema,
            dependent.relname as dependent_name,
            referenced_schema.nspname as referenced_schema,
            referenced.relname as referenced_name
        from pg_rewrite
        join pg_class as dependent on dependent.oid = pg_rewrite.ev_class
        join pg_namespace as dependent_schema on dependent_schema.oid = dependent.relnamespace
        join pg_depend
            on pg_depend.classid = 'pg_rewrite'::regclass
            and pg_depend.objid = pg_rewrite.oid
            and pg_depend.refclassid = 'pg_class'::regclass
            and pg_depend.refobjid <> dependent.oid
        join pg_class as referenced on referenced.oid = pg_depend.refobjid
        join pg_namespace as referenced_schema on referenced_schema.oid = referenced.relnamespace
        where referenced_schema.nspname <> 'information_schema'
          and left(referenced_schema.nspname, 3) <> 'pg_'
        order by 1, 2, 3, 4
    {%- endcall %}
    {% do return(load_result('relations').table) %}
{%- endmacro %}

{% macro postgres_get_relations() -%}
    {% do return(postgres__get_relations()) %}
{%- endmacro %}
