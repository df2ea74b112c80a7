{# Indexes from the config `indexes`: [{columns: [...], unique: bool, type: btree}]. #}

{% macro create_indexes(relation) -%}
    {{- adapter.dispatch('create_indexes', 'dbt')(relation) -}}
{%- endmacro %}

{% macro default__create_indexes(relation) -%}
    {%- for index_dict in config.get('indexes', []) -%}
        {%- set sql = get_create_index_sql(relation, index_dict) -%}
        {%- if sql -%}
            {%- do run_query(sql) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{% macro get_create_index_sql(relation, index_dict) -%}
    {% do return(adapter.dispatch('get_create_index_sql', 'dbt')(relation, index_dict)) %}
{%- endmacro %}

{% macro default__get_create_index_sql(relation, index_dict) -%}
    {% do return(none) %}
{%- endmacro %}

{% macro postgres__get_create_index_sql(relation, index_dict) -%}
    {%- do validate_index_config(index_dict) -%}
    create {{ 'unique ' if index_dict.get('unique') else '' }}index if not exists "{{ get_index_name(relation, index_dict) }}"
    on {{ relation }} {{ 'using ' ~ index_dict['type'] ~ ' ' if index_dict.get('type') else '' }}({{ index_dict['columns'] | join(', ') }})
{%- endmacro %}

{% macro duckdb__get_create_index_sql(relation, index_dict) -%}
    {%- do validate_index_config(index_dict) -%}
    create {{ 'unique ' if index_dict.get('unique') else '' }}index "{{ get_index_name(relation, index_dict) }}"
    on {{ relation }} ({{ index_dict['columns'] | join(', ') }})
{%- endmacro %}

{# The same in all of one invocation and new in the next: a table is built beside the old one, whose
   indexes still hold their names in the schema when the new ones are made. #}
{% macro get_index_name(relation, index_dict) -%}
    {% do return(local_md5(
        (index_dict['columns'] | join('_')) ~ '_' ~ relation.render() ~ '_' ~ index_dict.get('unique', false)
        ~ '_' ~ index_dict.get('type') ~ '_' ~ invocation_id
    )) %}
{%- endmacro %}

{% macro validate_index_config(index_dict) -%}
    {%- if index_dict is not mapping -%}
        {% do exceptions.raise_compiler_error('Could not parse index config: ' ~ index_dict ~ ' is not a dictionary') %}
    {%- elif 'columns' not in index_dict -%}
        {% do exceptions.raise_compiler_error("Could not parse index config: 'columns' is a required property") %}
    {%- elif index_dict['columns'] is string or index_dict['columns'] is mapping or index_dict['columns'] is not sequence -%}
        {% do exceptions.raise_compiler_error("Could not parse index config: columns: '" ~ index_dict['columns'] ~ "' is not of type 'array'") %}
    {%- elif index_dict.get('unique', false) not in [true, false] -%}
        {% do exceptions.raise_compiler_error("Could not parse index config: unique: '" ~ index_dict['unique'] ~ "' is not of type 'boolean'") %}
    {%- endif -%}
{%- endmacro %}

{% macro get_drop_index_sql(relation, index_name) -%}
    {{- adapter.dispatch('get_drop_index_sql', 'dbt')(relation, index_name) -}}
{%- endmacro %}

{% macro default__get_drop_index_sql(relation, index_name) -%}
    drop index if exists {{ relation.without_identifier().include(database=false) }}.{{ adapter.quote(index_name) }}
{%- endmacro %}
