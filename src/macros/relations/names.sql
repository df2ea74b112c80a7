{# Names for the relations that exist only while a node is built: temporary, intermediate, backup. #}

{% macro make_temp_relation(base_relation, suffix='__dbt_tmp') -%}
    {#- Batches of a microbatch model run side by side: each has a name of its own. -#}
    {%- if suffix == '__dbt_tmp' and model.batch -%}
        {%- set suffix = suffix ~ '_' ~ model.batch.id -%}
    {%- endif -%}
    {% do return(adapter.dispatch('make_temp_relation', 'dbt')(base_relation, suffix)) %}
{%- endmacro %}

{% macro default__make_temp_relation(base_relation, suffix) -%}
    {% do return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix})) %}
{%- endmacro %}

{% macro duckdb__make_temp_relation(base_relation, suffix) -%}
    {% do return(base_relation.incorporate(path={
        'identifier': base_relation.identifier ~ suffix ~ py_current_timestring(),
        'schema': none,
        'database': none
    })) %}
{%- endmacro %}

{% macro postgres__make_temp_relation(base_relation, suffix) -%}
    {%- set temp = postgres__make_relation_with_suffix(base_relation, suffix, dstring=true) -%}
    {% do return(temp.incorporate(path={'schema': none, 'database': none})) %}
{%- endmacro %}

{% macro make_intermediate_relation(base_relation, suffix='__dbt_tmp') -%}
    {% do return(adapter.dispatch('make_intermediate_relation', 'dbt')(base_relation, suffix)) %}
{%- endmacro %}

{% macro default__make_intermediate_relation(base_relation, suffix) -%}
    {% do return(default__make_temp_relation(base_relation, suffix)) %}
{%- endmacro %}

{% macro postgres__make_intermediate_relation(base_relation, suffix) -%}
    {% do return(postgres__make_relation_with_suffix(base_relation, suffix, dstring=false)) %}
{%- endmacro %}

{% macro make_backup_relation(base_relation, backup_relation_type, suffix='__dbt_backup') -%}
    {% do return(adapter.dispatch('make_backup_relation', 'dbt')(base_relation, backup_relation_type, suffix)) %}
{%- endmacro %}

{% macro default__make_backup_relation(base_relation, backup_relation_type, suffix) -%}
    {% do return(base_relation.incorporate(
        path={'identifier': base_relation.identifier ~ suffix},
        type=backup_relation_type
    )) %}
{%- endmacro %}

{% macro postgres__make_backup_relation(base_relation, backup_relation_type, suffix) -%}
    {%- set backup = postgres__make_relation_with_suffix(base_relation, suffix, dstring=false) -%}
    {% do return(backup.incorporate(type=backup_relation_type)) %}
{%- endmacro %}

{# PostgreSQL cuts identifiers at 63 characters without a word, which would make a long name and its
   temporary twin the same: cut the base, keep the suffix. #}
{% macro postgres__make_relation_with_suffix(base_relation, suffix, dstring) -%}
    {%- set ending = suffix ~ py_current_timestring()[8:] if dstring else suffix -%}
    {%- set room = 63 - (ending | length) -%}
    {%- if room < 0 -%}
        {% do exceptions.raise_compiler_error('Relation suffix is too long (' ~ (ending | length) ~ ' characters). Maximum length is 63 characters.') %}
    {%- endif -%}
    {% do return(base_relation.incorporate(path={'identifier': base_relation.identifier[:room] ~ ending})) %}
{%- endmacro %}
