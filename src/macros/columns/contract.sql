{# Contracts: the columns and constraints that a model promises, as DDL and as a check before the
   table is made. #}

{% macro get_table_columns_and_constraints() -%}
    {{- adapter.dispatch('get_table_columns_and_constraints', 'dbt')() -}}
{%- endmacro %}

{% macro default__get_table_columns_and_constraints() -%}
    {% do return(table_columns_and_constraints()) %}
{%- endmacro %}

{% macro table_columns_and_constraints() -%}
    {%- set lines = columns_with_constraints(model['columns']) + constraints_of_model(model['constraints'] or config.get('constraints') or []) -%}
    (
        {{ lines | join(',\n        ') }}
    )
{%- endmacro %}

{# A line of DDL for each column. #}
{% macro columns_with_constraints(raw_columns) -%}
    {%- set lines = [] -%}
    {%- for column in raw_columns.values() -%}
        {%- set words = [adapter.quote(column['name']) if column.get('quote') else column['name'], column['data_type']] -%}
        {%- for constraint in column.get('constraints') or [] -%}
            {%- do words.append(column_constraint_sql(constraint) | trim) -%}
        {%- endfor -%}
        {%- do lines.append(words | select | join(' ')) -%}
    {%- endfor -%}
    {% do return(lines) %}
{%- endmacro %}

{% macro constraints_of_model(raw_constraints) -%}
    {%- set lines = [] -%}
    {%- for constraint in raw_constraints -%}
        {%- set line = model_constraint_sql(constraint) | trim -%}
        {%- if line -%}
            {%- do lines.append(line) -%}
        {%- endif -%}
    {%- endfor -%}
    {% do return(lines) %}
{%- endmacro %}

{# A constraint of one column as DDL; empty where it says too little. Both engines enforce all kinds. #}
{% macro column_constraint_sql(constraint) -%}
    {%- set expression = constraint.get('expression') or '' -%}
    {%- set type = constraint['type'] | string -%}
    {%- if type == 'check' and expression -%} check ({{ expression }})
    {%- elif type == 'not_null' -%} not null {{ expression }}
    {%- elif type == 'unique' -%} unique {{ expression }}
    {%- elif type == 'primary_key' -%} primary key {{ expression }}
    {%- elif type == 'foreign_key' and constraint.get('to') and constraint.get('to_columns') -%}
        references {{ constraint_target(constraint['to']) }} ({{ constraint['to_columns'] | join(', ') }})
    {%- elif type == 'foreign_key' and expression -%} references {{ expression }}
    {%- elif type == 'custom' -%} {{ expression }}
    {%- endif -%}
{%- endmacro %}

{# The same for a constraint over several columns, which may have a name. #}
{% macro model_constraint_sql(constraint) -%}
    {%- set expression = constraint.get('expression') or '' -%}
    {%- set type = constraint['type'] | string -%}
    {%- set name = 'constraint ' ~ constraint['name'] ~ ' ' if constraint.get('name') else '' -%}
    {%- set columns = '(' ~ ((constraint.get('columns') or []) | join(', ')) ~ ')' -%}
    {%- if type == 'check' and expression -%} {{ name }}check ({{ expression }})
    {%- elif type in ['unique', 'primary_key'] -%}
        {{ name }}{{ type | replace('_', ' ') }}{{ ' ' ~ expression if expression else '' }} {{ columns }}
    {%- elif type == 'foreign_key' and constraint.get('to') and constraint.get('to_columns') -%}
        {{ name }}foreign key {{ columns }} references {{ constraint_target(constraint['to']) }} ({{ constraint['to_columns'] | join(', ') }})
    {%- elif type == 'foreign_key' and expression -%} {{ name }}foreign key {{ columns }} references {{ expression }}
    {%- elif type == 'custom' and expression -%} {{ name }}{{ expression }}
    {%- endif -%}
{%- endmacro %}

{# The table that a foreign key names, which may be a ref() or a source(). DuckDB takes none with a
   database, not even its own. #}
{% macro constraint_target(relation) -%}
    {%- set text = relation | string | trim -%}
    {%- if text.startswith('ref(') or text.startswith('source(') -%}
        {%- set text = render('{{ ' ~ text ~ ' }}') | trim -%}
    {%- endif -%}
    {%- set parts = text.split('.') -%}
    {{ parts[1:] | join('.') if target.type == 'duckdb' and parts | length > 2 else text }}
{%- endmacro %}

{% macro get_assert_columns_equivalent(sql) -%}
    {{- adapter.dispatch('get_assert_columns_equivalent', 'dbt')(sql) -}}
{%- endmacro %}

{% macro default__get_assert_columns_equivalent(sql) -%}
    {% do return(assert_columns_equivalent(sql)) %}
{%- endmacro %}

{# Renders nothing; raises where the query's columns are not those of the contract, in any order. #}
{% macro assert_columns_equivalent(sql) -%}
    {%- set promised = model['columns'] -%}
    {%- if not promised -%}
        {% do exceptions.raise_contract_error([], []) %}
    {%- endif -%}
    {%- set actual = format_columns(get_column_schema_from_query(sql, config.get('sql_header'))) -%}
    {%- set expected = format_columns(get_column_schema_from_query(get_empty_schema_sql(promised))) -%}
    {%- set by_name = {} -%}
    {%- for column in expected -%}
        {%- do by_name.update({column['name']: column['formatted']}) -%}
    {%- endfor -%}
    {%- if actual | length != expected | length -%}
        {% do exceptions.raise_contract_error(expected, actual) %}
    {%- endif -%}
    {%- for column in actual -%}
        {%- if by_name.get(column['name']) != column['formatted'] -%}
            {% do exceptions.raise_contract_error(expected, actual) %}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{% macro format_columns(columns) -%}
    {%- set formatted = [] -%}
    {%- for column in columns -%}
        {%- do formatted.append(adapter.dispatch('format_column', 'dbt')(column)) -%}
    {%- endfor -%}
    {% do return(formatted) %}
{%- endmacro %}

{% macro default__format_column(column) -%}
    {% do return(formatted_column(column.name, column.dtype)) %}
{%- endmacro %}

{# PostgreSQL's types by the names that dbt compares: sizes and widths that it does not tell apart,
   a contract does not either. #}
{% macro postgres__format_column(column) -%}
    {%- set type = (column.dtype | string).split('(')[0] | trim | lower -%}
    {%- set array = (column.dtype | string).endswith('[]') -%}
    {%- set zoned = 'with time zone' in column.dtype -%}
    {%- set base = type | replace('[]', '') | replace(' without time zone', '') | replace(' with time zone', '') -%}
    {%- set words = {
        'bigint': 'LONGINTEGER', 'integer': 'INTEGER', 'smallint': 'INTEGER',
        'real': 'FLOAT', 'double precision': 'FLOAT', 'numeric': 'DECIMAL',
        'text': 'STRING', 'character varying': 'STRING', 'character': 'STRING', 'name': 'STRING', '"char"': 'STRING',
        'boolean': 'BOOLEAN', 'timestamp': 'DATETIMETZ' if zoned else 'DATETIME', 'time': 'TIME',
        'date': 'DATE', 'interval': 'INTERVAL', 'bytea': 'BINARY', 'json': 'JSON', 'jsonb': 'JSONB',
        'oid': 'ROWID'
    } -%}
    {%- if base in words -%}
        {%- set word = words[base] ~ 'ARRAY' if array else words[base] | replace('STRING', 'TEXT') -%}
        {% do return(formatted_column(column.name, word)) %}
    {%- endif -%}
    {%- set code = run_query("select '" ~ (column.dtype | replace("'", "''")) ~ "'::regtype::oid").rows[0][0] -%}
    {% do log('The `type_code` ' ~ code ~ ' was not recognized: errors tell the type by its number.') %}
    {% do return(formatted_column(column.name, 'unknown type_code ' ~ code)) %}
{%- endmacro %}

{% macro formatted_column(name, data_type) -%}
    {% do return({'name': name, 'data_type': data_type, 'formatted': (name | lower) ~ ' ' ~ data_type}) %}
{%- endmacro %}
