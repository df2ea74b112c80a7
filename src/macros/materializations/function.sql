{# User-defined functions: one statement that makes the function anew. Which macro writes it depends
   on its type and language, as in dbt; a project or package may bring those that are not here. #}

{% materialization function, default, supported_languages=['sql', 'python', 'javascript'] %}
    {%- set existing_relation = none -%}
    {%- set target_relation = this.incorporate(type=this.Function) -%}
    {%- do run_hooks(pre_hooks) -%}
    {%- set macro_name = this.get_function_macro_name(this.get_function_config(model)) -%}
    {%- set build_sql = adapter.dispatch(macro_name, 'dbt')(target_relation) -%}
    {%- do function_execute_build_sql(build_sql, existing_relation, target_relation) -%}
    {%- do run_hooks(post_hooks) -%}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% macro function_execute_build_sql(build_sql, existing_relation, target_relation) -%}
    {% do return(adapter.dispatch('function_execute_build_sql', 'dbt')(build_sql, existing_relation, target_relation)) %}
{%- endmacro %}

{% macro default__function_execute_build_sql(build_sql, existing_relation, target_relation) -%}
    {% call statement('main') -%}
        {{ build_sql }}
    {%- endcall %}
    {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing_relation, full_refresh_mode=True)) -%}
    {%- do persist_docs(target_relation, model) -%}
    {%- do adapter.commit() -%}
{%- endmacro %}

{# Scalar functions in SQL. #}
{% macro scalar_function_sql(target_relation) -%}
    {% do return(adapter.dispatch('scalar_function_sql', 'dbt')(target_relation)) %}
{%- endmacro %}

{% macro default__scalar_function_sql(target_relation) -%}
{{ scalar_function_create_replace_signature_sql(target_relation) }}
{{ scalar_function_body_sql() }};
{%- endmacro %}

{# DuckDB's functions are macros: they know no type of their result, and in a file of its default storage
   version none of their parameters. #}
{% macro duckdb__scalar_function_sql(target_relation) -%}
CREATE OR REPLACE FUNCTION {{ target_relation.render() }} ({{ formatted_scalar_function_args_sql() }}) AS (
    cast((
{{ function_code() }}
    ) as {{ model.returns.data_type }})
)
{%- endmacro %}

{# An aggregate is one in DuckDB when its code is an expression of other aggregates. #}
{% macro duckdb__aggregate_function_sql(target_relation) -%}
    {% do return(duckdb__scalar_function_sql(target_relation)) %}
{%- endmacro %}

{# The code without the semicolon that may end it. #}
{% macro function_code() -%}
    {% do return(model.compiled_code.rstrip().rstrip(';')) %}
{%- endmacro %}

{% macro scalar_function_create_replace_signature_sql(target_relation) -%}
    {% do return(adapter.dispatch('scalar_function_create_replace_signature_sql', 'dbt')(target_relation)) %}
{%- endmacro %}

{% macro default__scalar_function_create_replace_signature_sql(target_relation) -%}
CREATE OR REPLACE FUNCTION {{ target_relation.render() }} ({{ formatted_scalar_function_args_sql() }})
RETURNS {{ model.returns.data_type }}
{{ scalar_function_volatility_sql() }}
AS
{%- endmacro %}

{% macro scalar_function_body_sql() -%}
    {% do return(adapter.dispatch('scalar_function_body_sql', 'dbt')()) %}
{%- endmacro %}

{% macro default__scalar_function_body_sql() -%}
$$
{{ model.compiled_code }}
$$ LANGUAGE SQL
{%- endmacro %}

{% macro formatted_scalar_function_args_sql() -%}
    {% do return(adapter.dispatch('formatted_scalar_function_args_sql', 'dbt')()) %}
{%- endmacro %}

{% macro default__formatted_scalar_function_args_sql() -%}
    {%- set all = [] -%}
    {%- for argument in model.arguments -%}
        {%- do all.append(argument.name ~ ' ' ~ argument.data_type) -%}
    {%- endfor -%}
    {{ all | join(', ') }}
{%- endmacro %}

{% macro postgres__formatted_scalar_function_args_sql() -%}
    {{ function_arguments_with(' DEFAULT ') }}
{%- endmacro %}

{% macro duckdb__formatted_scalar_function_args_sql() -%}
    {{ function_arguments_with(' := ', typed=false) }}
{%- endmacro %}

{# Arguments with their defaults behind a sign. #}
{% macro function_arguments_with(sign, typed=true) -%}
    {%- set all = [] -%}
    {%- for argument in model.arguments -%}
        {%- set given = argument.get('default_value') -%}
        {%- do all.append(argument.name ~ (' ' ~ argument.data_type if typed else '') ~ ((sign ~ given) if given is not none else '')) -%}
    {%- endfor -%}
    {{ all | join(', ') }}
{%- endmacro %}

{% macro scalar_function_volatility_sql() -%}
    {% do return(adapter.dispatch('scalar_function_volatility_sql', 'dbt')()) %}
{%- endmacro %}

{% macro default__scalar_function_volatility_sql() -%}
    {%- set volatility = model.config.get('volatility') -%}
    {%- set words = {'deterministic': 'IMMUTABLE', 'stable': 'STABLE', 'non-deterministic': 'VOLATILE'} -%}
    {%- if volatility in words -%}
        {{ words[volatility] }}
    {%- elif volatility is not none -%}
        {% do unsupported_volatility_warning(volatility) %}
    {%- endif -%}
{%- endmacro %}

{% macro unsupported_volatility_warning(volatility) -%}
    {% do return(adapter.dispatch('unsupported_volatility_warning', 'dbt')(volatility)) %}
{%- endmacro %}

{% macro default__unsupported_volatility_warning(volatility) -%}
    {% do exceptions.warn('Found `' ~ volatility ~ '` volatility specified on function `' ~ model.name ~ '`. This volatility is not supported by ' ~ adapter.type() ~ ', and will be ignored') %}
{%- endmacro %}

{# Aggregates: the parts that an adapter's or project's own macro is made of. #}
{% macro get_aggregate_function_create_replace_signature(target_relation) -%}
    {% do return(adapter.dispatch('get_aggregate_function_create_replace_signature', 'dbt')(target_relation)) %}
{%- endmacro %}

{% macro default__get_aggregate_function_create_replace_signature(target_relation) -%}
CREATE OR REPLACE AGGREGATE FUNCTION {{ target_relation.render() }} ({{ get_formatted_aggregate_function_args() }})
RETURNS {{ model.returns.data_type }}
{{ get_function_language_specifier() }}
{{ get_aggregate_function_volatility_specifier() }}
{% if model.get('language') == 'python' %}{{ get_function_python_options() }}{% endif %}
AS
{%- endmacro %}

{% macro get_formatted_aggregate_function_args() -%}
    {% do return(adapter.dispatch('get_formatted_aggregate_function_args', 'dbt')()) %}
{%- endmacro %}

{% macro default__get_formatted_aggregate_function_args() -%}
    {{ formatted_scalar_function_args_sql() }}
{%- endmacro %}

{% macro get_function_language_specifier() -%}
    {% do return(adapter.dispatch('get_function_language_specifier', 'dbt')()) %}
{%- endmacro %}

{% macro default__get_function_language_specifier() -%}
    {%- set language = model.get('language') -%}
    {%- if language == 'javascript' -%}
        LANGUAGE js
    {%- elif language != 'sql' -%}
        LANGUAGE {{ language | upper }}
    {%- endif -%}
{%- endmacro %}

{% macro get_aggregate_function_volatility_specifier() -%}
    {% do return(adapter.dispatch('get_aggregate_function_volatility_specifier', 'dbt')()) %}
{%- endmacro %}

{% macro default__get_aggregate_function_volatility_specifier() -%}
    {{ scalar_function_volatility_sql() }}
{%- endmacro %}

{% macro get_function_python_options() -%}
    {% do return(adapter.dispatch('get_function_python_options', 'dbt')()) %}
{%- endmacro %}

{% macro default__get_function_python_options() -%}
RUNTIME_VERSION = '{{ model.config.get('runtime_version') }}'
HANDLER = '{{ model.config.get('entry_point') }}'
{%- set packages = model.config.get('packages', []) -%}
{%- if packages %}
PACKAGES = ('{{ packages | join("','") }}')
{%- endif -%}
{%- endmacro %}

{# JavaScript, which neither engine runs. #}
{% macro formatted_scalar_function_args_javascript() -%}
    {% do return(adapter.dispatch('formatted_scalar_function_args_javascript', 'dbt')()) %}
{%- endmacro %}

{% macro default__formatted_scalar_function_args_javascript() -%}
    {% do exceptions.raise_compiler_error('formatted_scalar_function_args_javascript not implemented for adapter ' ~ adapter.type()) %}
{%- endmacro %}

{% macro scalar_function_volatility_javascript() -%}
    {% do return(adapter.dispatch('scalar_function_volatility_javascript', 'dbt')()) %}
{%- endmacro %}

{% macro default__scalar_function_volatility_javascript() -%}
    {%- if model.config.get('volatility') is not none -%}
        {% do exceptions.warn('Volatility is not supported by ' ~ adapter.type() ~ ' in javascript UDF and will be ignored') %}
    {%- endif -%}
{%- endmacro %}
