{# The rows of a seed as INSERT statements. Pintail itself loads seeds faster, by its engines; this is
   for materializations that are written as macros. #}

{% macro load_csv_rows(model, agate_table) -%}
    {{- adapter.dispatch('load_csv_rows', 'dbt')(model, agate_table) -}}
{%- endmacro %}

{# Gives the SQL of the first batch, for show. #}
{% macro default__load_csv_rows(model, agate_table) -%}
    {%- set columns = get_seed_column_quoted_csv(model, agate_table.column_names) -%}
    {%- set statements = [] -%}
    {%- for rows in agate_table.rows | batch(get_batch_size()) -%}
        {%- set values = [] -%}
        {%- for row in rows -%}
            {%- set cells = [] -%}
            {%- for cell in row -%}
                {%- do cells.append('null' if cell is none else string_literal(escape_single_quotes(cell | string))) -%}
            {%- endfor -%}
            {%- do values.append('(' ~ (cells | join(', ')) ~ ')') -%}
        {%- endfor -%}
        {%- set sql = 'insert into ' ~ this.render() ~ ' (' ~ columns ~ ') values\n' ~ (values | join(',\n')) -%}
        {%- do run_query(sql) -%}
        {%- do statements.append(sql) -%}
    {%- endfor -%}
    {% do return(statements[0]) %}
{%- endmacro %}

{# The placeholder of a bound value. #}
{% macro get_binding_char() -%}
    {{- adapter.dispatch('get_binding_char', 'dbt')() -}}
{%- endmacro %}

{% macro default__get_binding_char() -%}
    {% do return('%s') %}
{%- endmacro %}

{% macro duckdb__get_binding_char() -%}
    {% do return('?') %}
{%- endmacro %}
