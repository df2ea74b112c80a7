{# persist_docs: descriptions of models and columns as comments in the database. #}

{% macro persist_docs(relation, model, for_relation=true, for_columns=true) -%}
    {% do return(adapter.dispatch('persist_docs', 'dbt')(relation, model, for_relation, for_columns)) %}
{%- endmacro %}

{% macro default__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- set wanted = config.get('persist_docs') or {} -%}
    {%- if for_relation and wanted.get('relation') and model.description -%}
        {%- do run_query(alter_relation_comment(relation, model.description)) -%}
    {%- endif -%}
    {%- if for_columns and wanted.get('columns') and model.columns -%}
        {%- set existing = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
        {%- set sql = alter_column_comment(relation, validate_doc_columns(relation, model.columns, existing)) -%}
        {%- if sql and sql | trim -%}
            {%- do run_query(sql) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Those of the documented columns that the database has; a warning names the others. #}
{% macro validate_doc_columns(relation, column_dict, existing_column_names) -%}
    {%- set lowered = existing_column_names | map('lower') | list -%}
    {%- set found = {} -%}
    {%- set missing = [] -%}
    {%- for name, column in column_dict.items() -%}
        {%- if name in existing_column_names or (not column['quote'] and name | lower in lowered) -%}
            {%- do found.update({name: column}) -%}
        {%- else -%}
            {%- do missing.append(name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if missing -%}
        {% do exceptions.warn('In relation ' ~ relation.render() ~ ': The following columns are specified in the schema but are not present in the database: ' ~ (missing | join(', '))) %}
    {%- endif -%}
    {% do return(found) %}
{%- endmacro %}

{% macro alter_relation_comment(relation, relation_comment) -%}
    {% do return(adapter.dispatch('alter_relation_comment', 'dbt')(relation, relation_comment)) %}
{%- endmacro %}

{% macro default__alter_relation_comment(relation, relation_comment) -%}
    comment on {{ (relation.type | string) | replace('_', ' ') }} {{ relation }} is {{ comment_literal(relation_comment) }};
{%- endmacro %}

{# DuckDB's word for a function that is made of SQL. #}
{% macro duckdb__alter_relation_comment(relation, relation_comment) -%}
    comment on {{ 'macro' if relation.is_function else relation.type }} {{ relation }} is {{ comment_literal(relation_comment) }};
{%- endmacro %}

{% macro alter_column_comment(relation, column_dict) -%}
    {% do return(adapter.dispatch('alter_column_comment', 'dbt')(relation, column_dict)) %}
{%- endmacro %}

{# A column that is not quoted in the properties is found whatever its case. #}
{% macro default__alter_column_comment(relation, column_dict) -%}
    {%- set existing = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {%- for name, column in column_dict.items() -%}
        {%- for actual in existing -%}
            {%- if actual == name or (not column['quote'] and actual | lower == name | lower) -%}
    comment on column {{ relation }}.{{ adapter.quote(actual) }} is {{ comment_literal(column['description']) }};
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}

{# Any text as a literal. #}
{% macro comment_literal(comment) -%}
    {%- if comment is not string -%}
        {% do exceptions.raise_compiler_error('cannot escape a non-string: ' ~ comment) %}
    {%- endif -%}
    '{{ comment | replace("'", "''") }}'
{%- endmacro %}

{% macro postgres_escape_comment(comment) -%}
    {% do return(comment_literal(comment)) %}
{%- endmacro %}

{% macro duckdb_escape_comment(comment) -%}
    {% do return(comment_literal(comment)) %}
{%- endmacro %}
