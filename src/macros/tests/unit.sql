{# Unit tests: rows given in YAML as queries, and the comparison of what came out with what should. #}

{# One query for the rows of a `given` input. Columns are those of the input; the ones a row does not
   name are NULL of their type. #}
{% macro get_fixture_sql(rows, column_name_to_data_types) -%}
    {%- set quoted = {} -%}
    {%- set types = column_name_to_data_types or {} -%}
    {%- if not types -%}
        {%- set relation = defer_relation if (defer_relation and not load_relation(this)) else this -%}
        {%- set types = {} -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- do types.update({column.name | lower: column.data_type}) -%}
            {%- do quoted.update({column.name | lower: column.quoted}) -%}
        {%- endfor -%}
        {%- if not types -%}
            {% do exceptions.raise_compiler_error("Not able to get columns for unit test '" ~ model.name ~ "' from relation " ~ this ~ " because the relation doesn't exist") %}
        {%- endif -%}
    {%- endif -%}
    {%- do validate_fixture_rows(rows, row_number) -%}
    {%- set empty = {} -%}
    {%- for name, type in types.items() -%}
        {%- do empty.update({name: safe_cast('null', type) | trim}) -%}
    {%- endfor -%}
    {%- set queries = [] -%}
    {%- for row in rows -%}
        {%- set filled = {} -%}
        {%- do filled.update(empty) -%}
        {%- do filled.update(format_row(row, types)) -%}
        {%- do queries.append(fixture_row_sql(filled, quoted)) -%}
    {%- endfor -%}
{{ '\n-- Fixture for ' ~ model.name }}
{{ (queries | join('\nunion all\n')) if queries else fixture_row_sql(empty, quoted) ~ '\nlimit 0' }}
{%- endmacro %}

{# One query for the rows of `expect`, with the columns that they name. #}
{% macro get_expected_sql(rows, column_name_to_data_types, column_name_to_quoted) -%}
    {%- set queries = [] -%}
    {%- for row in rows -%}
        {%- do queries.append(fixture_row_sql(format_row(row, column_name_to_data_types), column_name_to_quoted)) -%}
    {%- endfor -%}
{{ (queries | join('\nunion all\n')) if queries else 'select * from dbt_internal_unit_test_actual\nlimit 0' }}
{%- endmacro %}

{% macro fixture_row_sql(row, column_name_to_quoted) -%}
    {%- set parts = [] -%}
    {%- for name, value in row.items() -%}
        {%- do parts.append(value ~ ' as ' ~ (column_name_to_quoted.get(name) or name)) -%}
    {%- endfor -%}
    select {{ parts | join(', ') }}
{%- endmacro %}

{# The values of a row as SQL of their columns' types, under lower-case names. #}
{% macro format_row(row, column_name_to_data_types) -%}
    {%- set formatted = {} -%}
    {%- for name, value in row.items() -%}
        {%- set type = column_name_to_data_types.get(name | lower) -%}
        {%- if not type -%}
            {%- set fixture = 'expected output' if model.resource_type == 'unit_test' else "'" ~ model.name ~ "'" -%}
            {% do exceptions.raise_compiler_error(
                "Invalid column name: '" ~ (name | lower) ~ "' in unit test fixture for " ~ fixture ~ ".\n"
                ~ "Accepted columns for " ~ fixture ~ " are: " ~ (column_name_to_data_types.keys() | list)
            ) %}
        {%- endif -%}
        {%- if value is string -%}
            {#- Without its length, which would cut the text and hide a difference. -#}
            {%- set bare = type.split('(')[0] if 'varying' in type else type -%}
            {%- do formatted.update({name | lower: safe_cast(string_literal(escape_single_quotes(value)), bare)}) -%}
        {%- else -%}
            {%- do formatted.update({name | lower: safe_cast('null' if value is none else value, type)}) -%}
        {%- endif -%}
    {%- endfor -%}
    {% do return(formatted) %}
{%- endmacro %}

{# For adapters that are choosy about rows. #}
{% macro validate_fixture_rows(rows, row_number) -%}
    {% do return(adapter.dispatch('validate_fixture_rows', 'dbt')(rows, row_number)) %}
{%- endmacro %}

{% macro default__validate_fixture_rows(rows, row_number) -%}
{%- endmacro %}

{# Actual and expected rows in one result, told apart by actual_or_expected. #}
{% macro get_unit_test_sql(main_sql, expected_fixture_sql, expected_column_names) -%}
    {{- adapter.dispatch('get_unit_test_sql', 'dbt')(main_sql, expected_fixture_sql, expected_column_names) -}}
{%- endmacro %}

{% macro default__get_unit_test_sql(main_sql, expected_fixture_sql, expected_column_names) -%}
    {%- set columns = expected_column_names | join(', ') -%}
    {%- set side = adapter.quote('actual_or_expected') -%}
with dbt_internal_unit_test_actual as (
    select {{ columns }}, {{ string_literal('actual') }} as {{ side }}
    from (
{{ main_sql }}
    ) _dbt_internal_unit_test_actual
),

dbt_internal_unit_test_expected as (
    select {{ columns }}, {{ string_literal('expected') }} as {{ side }}
    from (
{{ expected_fixture_sql }}
    ) _dbt_internal_unit_test_expected
)

select * from dbt_internal_unit_test_actual
union all
select * from dbt_internal_unit_test_expected
{%- endmacro %}
